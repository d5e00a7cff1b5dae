/** Those of `names` that `given` may have been meant for, best first: three at most, none where nothing is similar. */
export function nearNames(given: string, names: readonly string[]): string[] {
  const wanted = bare(given)
  const containing = names.filter((name) => given !== '' && name.includes(given.toLowerCase()))
  if (containing.length > 0) return containing.slice(0, 3)
  return names
    .map((name) => ({ name, distance: editDistance(wanted, bare(name)) }))
    .filter(({ distance }) => distance <= Math.max(2, wanted.length / 4))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name)
}

/** Without the time stamp, which nobody types and which makes all names alike. */
function bare(name: string): string {
  return name.toLowerCase().replace(/^\d+_/, '')
}

/** Letters to insert, delete or replace to make one of the other (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [row, letter] of [...a].entries()) {
    const current = [row + 1]
    for (const [column, other] of [...b].entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1)
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
