import type { ConfigFault } from './config-error.ts'
import type { VariableName } from './variables.ts'

/** What a process cannot do without: `database` a database that is named, `smtp` a word on where mail goes. */
export type Need = 'database' | 'smtp'

const expectedForNeed: Readonly<Record<Need, { variable: VariableName; expected: string }>> = {
  database: {
    variable: 'DATABASE_URL',
    expected: 'a PostgreSQL URL: a worker started alone demands a database, "npm start" brings an embedded one',
  },
  smtp: {
    variable: 'SMTP_URL',
    expected:
      'the URL of a mail server, or mailbox: to ask for the local mailbox by name; ' +
      "nothing is assumed here, since customers' mail would be marked as sent into a folder",
  },
}

/** What is given together, or not at all. */
const sets = [
  { names: ['DKIM_DOMAIN', 'DKIM_SELECTOR', 'DKIM_PRIVATE_KEY'], rule: 'all three DKIM_ variables or none' },
  {
    names: ['TWILIO_ACCOUNT_SID', 'TWILIO_AUTH_TOKEN', 'TWILIO_FROM'],
    rule: 'account, token and sender of Twilio or none of them',
  },
] as const satisfies readonly { readonly names: readonly VariableName[]; readonly rule: string }[]

/** The faults of variables that are missing: those a process needs, and those that others, which are given, need. */
export function findMissing(isGiven: (name: VariableName) => boolean, needs: readonly Need[]): ConfigFault[] {
  const expectations = new Map<VariableName, string>()
  if (isGiven('DATABASE_DIRECT_URL')) {
    expectations.set(
      'DATABASE_URL',
      'a PostgreSQL URL, because DATABASE_DIRECT_URL is given: both name the same database',
    )
  }
  for (const need of needs) expectations.set(expectedForNeed[need].variable, expectedForNeed[need].expected)
  for (const { names, rule } of sets) {
    const given = names.find(isGiven)
    if (given === undefined) continue
    for (const name of names) expectations.set(name, `a value, because ${given} is given: ${rule}`)
  }
  return [...expectations]
    .filter(([name]) => !isGiven(name))
    .map(([variable, expected]) => ({ variable, given: 'nothing', expected }))
}
