import type { Catalogue, View } from './catalogue.ts'
import { compareComments } from './comment-comparison.ts'
import { type Difference, type Extra, type Finding, nothing } from './finding.ts'
import { compareGrants, grantsOf } from './grant-comparison.ts'
import {
  compareEnums,
  compareExtensions,
  compareRoutines,
  compareSchemas,
  compareSequences,
} from './object-comparison.ts'
import { compareTables } from './table-comparison.ts'
import { createPolicy } from './table-ddl.ts'
import { compareViews } from './view-comparison.ts'

export interface Comparison {
  readonly differences: readonly Difference[]
  readonly extras: readonly Extra[]
}

/**
 * How `live` differs from `expected`, by meaning: names that PostgreSQL invents, the order of columns and doubled constraints are no
 * differences, and neither is what others have added to schema `public`. What the live server's version cannot hold is not expected of
 * it. The differences stand in an order in which their remedies can be carried out.
 */
export function compareCatalogues(expected: Catalogue, live: Catalogue): Comparison {
  const possible = expectedOf(expected, live.major)
  const missingRoles = possible.roles.filter((role) => !live.roles.includes(role))
  const wanted = missingRoles.reduce(withoutRole, possible)
  const findings: Finding[] = [
    ...compareSchemas(wanted, live),
    ...compareExtensions(wanted, live),
    ...compareEnums(wanted, live),
    ...compareSequences(wanted, live),
    ...compareRoutines(wanted, live),
    ...compareTables(wanted, live),
    ...compareViews(wanted, live),
    ...compareGrants(wanted, live),
    ...compareComments(wanted, live),
    ...comparePgBoss(wanted, live),
    ...missingRoles.map((role) => missingRole(role, possible)),
  ]
  return {
    differences: findings.filter((finding): finding is Difference => 'remedy' in finding),
    extras: findings.filter((finding): finding is Extra => !('remedy' in finding)),
  }
}

/** pg-boss needs 13, views read as their reader from 15 on, and MAINTAIN came with 17. */
function expectedOf(catalogue: Catalogue, major: number): Catalogue {
  const elsewhere = <T extends { readonly schema: string }>(items: readonly T[]) =>
    items.filter(({ schema }) => major >= 13 || schema !== 'pgboss')
  return mapGrants(
    {
      ...catalogue,
      schemas: catalogue.schemas.filter(({ name }) => major >= 13 || name !== 'pgboss'),
      enums: catalogue.enums.filter(({ name }) => major >= 13 || !name.startsWith('pgboss.')),
      tables: elsewhere(catalogue.tables),
      routines: elsewhere(catalogue.routines),
      sequences: elsewhere(catalogue.sequences),
      views: elsewhere(catalogue.views).map((view) => (major >= 15 ? view : ownersView(view))),
      pgBossVersion: major >= 13 ? catalogue.pgBossVersion : null,
    },
    (_, privilege) => major >= 17 || privilege !== 'MAINTAIN',
  )
}

/** A view that reads with its owner's rights shows every company's rows: whoever has policies may not read it. */
function ownersView(view: View): View {
  if (!view.securityInvoker) return view
  const { fleet_app: _, ...grants } = view.grants
  return { ...view, securityInvoker: false, grants }
}

function withoutRole(catalogue: Catalogue, role: string): Catalogue {
  return mapGrants(
    {
      ...catalogue,
      tables: catalogue.tables.map((table) => ({
        ...table,
        policies: table.policies.filter(({ roles }) => !roles.includes(role)),
      })),
    },
    (holder) => holder !== role,
  )
}

function mapGrants(catalogue: Catalogue, keep: (role: string, privilege: string) => boolean): Catalogue {
  const filtered = <T extends { readonly grants: View['grants'] }>(items: readonly T[]): T[] =>
    items.map((item) => ({
      ...item,
      grants: Object.fromEntries(
        Object.entries(item.grants)
          .map(([role, privileges]) => [role, privileges.filter((privilege) => keep(role, privilege))] as const)
          .filter(([, privileges]) => privileges.length > 0),
      ),
    }))
  return {
    ...catalogue,
    schemas: filtered(catalogue.schemas),
    tables: filtered(catalogue.tables),
    views: filtered(catalogue.views),
    routines: filtered(catalogue.routines),
    sequences: filtered(catalogue.sequences),
  }
}

/** Gives every role its rights and policies. */
const applyRoles = 'fleet.apply_roles()'

/** One difference with all that hangs on the role, not one for each grant. */
function missingRole(role: string, wanted: Catalogue): Difference {
  const gives = wanted.routines.some(({ name }) => name === applyRoles)
  const policies = wanted.tables.flatMap((table) =>
    table.policies.filter(({ roles }) => roles.includes(role)).map((policy) => createPolicy(table, policy)),
  )
  return {
    object: `role ${role}`,
    wanted: 'a role with its grants and policies',
    found: nothing,
    remedy: [
      `CREATE ROLE ${role} NOLOGIN;`,
      ...(gives ? [`SELECT ${applyRoles};`] : [...grantsOf(role, wanted), ...policies]),
    ],
  }
}

function comparePgBoss(wanted: Catalogue, live: Catalogue): Finding[] {
  const isThere = live.tables.some(({ name }) => name === 'pgboss.version')
  if (!isThere || wanted.pgBossVersion === live.pgBossVersion || wanted.pgBossVersion === null) return []
  if (live.pgBossVersion === null) return []
  return [
    {
      object: `pg-boss's schema`,
      wanted: `version ${wanted.pgBossVersion}`,
      found: `version ${live.pgBossVersion}`,
      remedy: [`-- run the release of the fleet whose pg-boss works with version ${live.pgBossVersion}`],
    },
  ]
}
