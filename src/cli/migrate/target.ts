/** What stands for an empty database where the name of a migration is wanted. */
export const nothing = 'nothing'

export function readTarget(name: string): string | null {
  return name === nothing ? null : name
}
