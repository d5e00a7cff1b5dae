import { CronExpressionParser } from 'cron-parser'
import { fault, type RotationFault } from './rotation-fault.ts'

/** As crontab(5) has them. */
const macros = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
])
const fieldCount = 5

/**
 * The first moment after `after` that the expression matches, in UTC: minute, hour, day of month, month, day of week, or a word such as
 * `@daily`. Seconds are refused: Python's libraries read a sixth field as the last, Node's as the first. So are `H`, which the library
 * takes for a moment at random, and what no moment matches; the library itself gives up on what it does not find.
 */
export function cronMoment(
  expression: string,
  after: Date,
): { readonly kind: 'at'; readonly at: Date } | RotationFault {
  const text = expression.trim()
  const bad = (why: string) => fault('bad_expression', `cron_expression "${expression}": ${why}`)
  const macro = macros.get(text.toLowerCase())
  if (macro === undefined && text.split(/\s+/).length !== fieldCount)
    return bad('five fields are wanted, or one of @hourly, @daily, @weekly, @monthly, @yearly')
  if (macro === undefined && /(?<!t)h/i.test(text)) return bad('H is not known')
  try {
    // Upper case: the library knows the last day as L, and names either way.
    const parsed = CronExpressionParser.parse(macro ?? text.toUpperCase(), { tz: 'UTC', currentDate: after })
    return { kind: 'at', at: parsed.next().toDate() }
  } catch (error) {
    return bad(wordsOf(error))
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
