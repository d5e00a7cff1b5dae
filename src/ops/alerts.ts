import type { Kysely } from 'kysely'
import { pino } from 'pino'
import type { Alert } from '../alerts/alert.ts'
import { listAlerts } from '../alerts/alert-store.ts'
import { look } from '../alerts/look.ts'
import { lookOptions } from '../alerts/looker.ts'
import type { Config } from '../config/config.ts'
import type { DB } from '../db/schema.ts'

/** Those in force, and those that have been over for a day at most. What is noticed and may become one is left out. */
export async function listIncidents(db: Kysely<DB>): Promise<readonly Alert[]> {
  return (await listAlerts(db)).filter(isIncident)
}

/** Looks once, tells what is due, and answers as `listIncidents`. Where a worker looks at this moment, that has to do. */
export async function checkAlerts(
  db: Kysely<DB>,
  { config, actor }: { readonly config: Config; readonly actor: string },
): Promise<readonly Alert[]> {
  const signal = new AbortController().signal
  const log = pino({ level: 'silent' })
  const options = lookOptions({ database: { db }, config, owner: actor, leastSeconds: 0, signal, log })
  await look(options)
  return listIncidents(db)
}

function isIncident({ beganAt }: Alert): boolean {
  return beganAt !== null
}
