import type { Kysely } from 'kysely'
import { connectDatabase, type Database } from '../../src/db/pool.ts'
import type { DB } from '../../src/db/schema.ts'

export interface Plan {
  readonly text: string
  /** Pages that the statement touched. */
  readonly pages: number
}

/**
 * How the server carried out what `act` asked of it, as auto_explain reports it: the very statements with their parameters, as far as
 * they are about `subject`.
 */
export async function plansOf(
  url: string,
  act: (db: Kysely<DB>, database: Database) => Promise<unknown>,
  subject = /email_(queue|archive)/,
): Promise<Plan[]> {
  const database = connectDatabase({ url, applicationName: 'plans', max: 1 })
  const texts: string[] = []
  database.pool.on('connect', (client) => {
    client.on('notice', ({ message }) => texts.push(message ?? ''))
  })
  try {
    await database.pool.query(`LOAD 'auto_explain'`)
    await database.pool.query(`
      SELECT set_config('auto_explain.log_min_duration', '0', false), set_config('auto_explain.log_analyze', 'on', false),
             set_config('auto_explain.log_buffers', 'on', false), set_config('client_min_messages', 'log', false)`)
    texts.length = 0
    await act(database.db, database)
  } finally {
    await database.close()
  }
  return texts.filter((text) => subject.test(text)).map((text) => ({ text, pages: pagesIn(text) }))
}

/** The backlog is counted by four probes for each of 50 priorities, with two or three pages each; nothing else may take more than `usual`. */
export function mostPages(text: string, usual: number): number {
  return /AS late\b/.test(text) ? 600 : usual
}

/** The first line about buffers is that of the whole. */
function pagesIn(plan: string): number {
  const [, hit = '0', read = '0'] = /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/.exec(plan) ?? []
  return Number(hit) + Number(read)
}
