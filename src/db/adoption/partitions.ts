import { sql } from 'kysely'
import { partitionObstacles } from '../../../migrations/20260302000300_create_partition_obstacles.ts'
import type { Difference } from '../catalogue/finding.ts'
import { foundTables } from './platform-tables.ts'
import type { Scene } from './preflight.ts'

/** What would keep a later migration from dividing a table of the platform by month. */
export async function findPartitionObstacles(scene: Scene): Promise<Difference[]> {
  const findings: Difference[] = []
  for (const { live } of foundTables(scene)) {
    const later = scene.fleet.tables.find(({ name }) => name === live.name)
    if (later === undefined || later.partitionedBy === null || live.partitionedBy !== null) continue
    const { rows } = await sql<{ obstacle: string; remedy: string }>`
      SELECT * FROM (${sql.raw(partitionObstacles(`to_regclass('${live.name}')`))}) AS obstacles (obstacle, remedy)`.execute(
      scene.db,
    )
    findings.push(
      ...rows.map(({ obstacle, remedy }) => ({
        object: `table ${live.name}`,
        wanted: 'nothing that keeps it from being divided by month',
        found: obstacle,
        remedy: [`${remedy};`],
      })),
    )
  }
  return findings
}
