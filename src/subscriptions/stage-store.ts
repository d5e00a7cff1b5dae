import { type Kysely, sql } from 'kysely'
import type { DB } from '../db/schema.ts'
import { type Stage, type Stages, suspensionName } from './stage.ts'

/** Reads the stages. Throws where one that the specification has was deleted. */
export async function readStages(db: Kysely<DB>): Promise<Stages> {
  const read = await sql<Stage>`
    SELECT name, extract(epoch FROM before)::double precision * 1000 AS "beforeMs", template, channels, urgency
      FROM fleet.subscription_stages
     ORDER BY before DESC, name`.execute(db)
  const rows = read.rows.map((stage) => ({ ...stage, channels: [...new Set(stage.channels)] }))
  const suspension = rows.find(({ name }) => name === suspensionName)
  const missing = ['7d', '24h', 'expired', suspensionName].filter((name) => !rows.some((row) => row.name === name))
  if (suspension === undefined || missing.length > 0)
    throw new Error(`fleet.subscription_stages lacks ${missing.join(', ')}: put it back`)
  return { chain: rows.filter((row) => row !== suspension), suspension }
}
