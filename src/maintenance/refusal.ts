import type { Maintenance } from './maintenance.ts'

/**
 * Does something to a partitioned table, unless its functions refuse it as theirs would be a superuser's rights on somebody else's table:
 * that is for people to put right, as the logged hint says, and no reason to leave other tables alone. Answers `otherwise` then.
 */
export async function unlessRefused<T>(
  log: Maintenance['log'],
  table: string,
  { work, otherwise }: { work: () => Promise<T>; otherwise: T },
): Promise<T> {
  try {
    return await work()
  } catch (err) {
    const { code, hint } = err as { code?: unknown; hint?: unknown }
    // A right that is missing is insufficient_privilege, too, without a hint, and an error.
    if (code !== '42501' || hint === undefined) throw err
    log.warn({ err, table, hint }, 'partitions are not kept: the table belongs to somebody else')
    return otherwise
  }
}
