import { type Finding, nothing, type Pair, pair } from './finding.ts'
import type { Policy, Table } from './table.ts'
import { createPolicy } from './table-ddl.ts'

export function comparePolicies({ wanted: table, live }: Pair<Table>): Finding[] {
  const { missing, extra, both } = pair(table.policies, live.policies, ({ name }) => name)
  return [
    ...missing.map((policy) => ({
      object: labelOf(table, policy),
      wanted: describe(policy),
      found: nothing,
      remedy: [createPolicy(table, policy)],
    })),
    ...both
      .filter(({ wanted, live: there }) => describe(wanted) !== describe(there))
      .map(({ wanted, live: there }) => ({
        object: labelOf(table, wanted),
        wanted: describe(wanted),
        found: describe(there),
        remedy: [dropPolicy(table, there), createPolicy(table, wanted)],
      })),
    ...extra.flatMap((policy) => extraPolicy(table, policy)),
  ]
}

/** Policies are switched on by the operator, for all tables or for none: only half of it is a fault. What a platform has on is its own. */
export function compareRowSecurity(tables: readonly Pair<Table>[], switchedOn: readonly string[]): Finding[] {
  const withPolicies = tables.filter(({ wanted }) => wanted.policies.length > 0 && !wanted.rowSecurity)
  const isOn = withPolicies.some(({ live }) => live.rowSecurity && switchedOn.includes(live.name))
  return tables.flatMap(({ wanted, live }): Finding[] => {
    const object = `row-level security of ${wanted.name}`
    if (live.rowSecurity) return wanted.rowSecurity || wanted.policies.length > 0 ? [] : [{ object, note: null }]
    if (wanted.rowSecurity) return [{ object, wanted: 'on', found: 'off', remedy: [enable(wanted)] }]
    if (!isOn || wanted.policies.length === 0) return []
    return [{ object, wanted: 'on, as on other tables', found: 'off', remedy: ['fleet migrate rls enable'] }]
  })
}

function enable({ name }: Table): string {
  return `ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;`
}

function extraPolicy(table: Table, policy: Policy): Finding[] {
  const object = labelOf(table, policy)
  if (table.schema === 'pgboss') return []
  if (table.schema !== 'fleet') return [{ object, note: policyCost(policy) }]
  return [{ object, wanted: nothing, found: describe(policy), remedy: [dropPolicy(table, policy)] }]
}

function policyCost({ permissive }: Policy): string | null {
  return permissive ? 'it lets through what the fleet’s policies would not' : null
}

function dropPolicy(table: Table, { name }: Policy): string {
  return `DROP POLICY ${name} ON ${table.name};`
}

function labelOf(table: Table, { name }: Policy): string {
  return `policy ${name} on ${table.name}`
}

function describe({ permissive, command, roles, using, check }: Policy): string {
  return [
    permissive ? 'PERMISSIVE' : 'RESTRICTIVE',
    `FOR ${command} TO ${roles.join(', ')}`,
    ...(using === null ? [] : [`USING (${using})`]),
    ...(check === null ? [] : [`WITH CHECK (${check})`]),
  ].join(' ')
}
