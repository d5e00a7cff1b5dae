/** The text in so many characters at most, which are code points to PostgreSQL, with an ellipsis for the rest. None is split. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text
  const characters = [...text]
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`
}
