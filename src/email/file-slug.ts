/** How Russian letters are written where only ASCII may stand: close to ISO 9, without its marks. */
const latin: Record<string, string> = {
  ...{
    а: 'a',
    б: 'b',
    в: 'v',
    г: 'g',
    д: 'd',
    е: 'e',
    ё: 'e',
    ж: 'zh',
    з: 'z',
    и: 'i',
    й: 'y',
    к: 'k',
    л: 'l',
    м: 'm',
  },
  ...{ н: 'n', о: 'o', п: 'p', р: 'r', с: 's', т: 't', у: 'u', ф: 'f', х: 'kh', ц: 'ts', ч: 'ch', ш: 'sh', щ: 'shch' },
  ...{ ъ: '', ы: 'y', ь: '', э: 'e', ю: 'yu', я: 'ya' },
}

const longestSlug = 48

/** A text as a part of a file name, safe on every file system: `[a-z0-9-]`, 1 to 48 characters. */
export function fileSlug(text: string): string {
  const letters = text
    .slice(0, 4 * longestSlug)
    .toLowerCase()
    .replace(/[а-яё]/g, (letter) => latin[letter] ?? '')
  const ascii = letters.normalize('NFKD').replace(/\p{M}+/gu, '')
  const words = ascii
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, longestSlug)
    .replace(/^-|-$/g, '')
  return words || 'untitled'
}
