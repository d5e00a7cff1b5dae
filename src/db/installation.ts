import type { Installation } from './installation-store.ts'

/** In what a database differs from its stamp: clauses for people, none where it is what it is stamped as. */
export function differencesFrom(stamp: Installation, actual: Installation): string[] {
  const cluster =
    stamp.systemIdentifier === actual.systemIdentifier
      ? stamp.timeline === actual.timeline
        ? []
        : [
            `it is on timeline ${actual.timeline} instead of ${stamp.timeline}: it was rewound, or a standby has taken over`,
          ]
      : ['it is on another cluster: a restored dump, or an upgrade']
  return [
    ...(stamp.environment === actual.environment
      ? []
      : [`it is stamped as ${nameOf(stamp.environment)}, and FLEET_ENVIRONMENT here is ${nameOf(actual.environment)}`]),
    ...cluster,
    ...(cluster.length === 0 && stamp.databaseOid !== actual.databaseOid
      ? ['it is another database of the same cluster: a copy, or a restored dump']
      : []),
  ]
}

function nameOf(environment: string | null): string {
  return environment ?? 'without a name'
}
