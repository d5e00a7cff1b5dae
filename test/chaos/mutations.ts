export interface Edit {
  /** Below src. */
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

/** What is taken out of the code, to see whether it is missed. */
export const mutations: Readonly<Record<string, readonly Edit[]>> = {}

/** The source of a module with the mutation, where that concerns it. Throws when the code is not what the mutation knows. */
export function mutate(mutation: string | undefined, file: string, source: string): string {
  const edits = mutation === undefined ? [] : (mutations[mutation] ?? [])
  return edits.filter((edit) => edit.file === file).reduce((text, edit) => apply(text, edit), source)
}

function apply(source: string, { file, find, replace }: Edit): string {
  if (source.split(find).length !== 2) throw new Error(`${file} does not have exactly once: ${find}`)
  return source.replace(find, () => replace)
}
