/** `nothing` stands for an empty database where the name of a migration is wanted. */
export function readTarget(name: string): string | null {
  return name === 'nothing' ? null : name
}
