/** Whether the database refuses what a row is to become: data, constraints, exceptions of triggers, policies. Anything else may pass with time. */
export function isAboutRow(err: unknown): boolean {
  return err instanceof Error && 'code' in err && typeof err.code === 'string' && /^(22|23|44|P0|42501)/.test(err.code)
}
