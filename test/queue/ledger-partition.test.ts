import { pino } from 'pino'
import { expect, test } from 'vitest'
import type { AttemptResult } from '../../src/queue/leased-table.ts'
import { Recorder } from '../../src/queue/recorder.ts'
import { claimOneFrom, resultOf, setMailTable } from './mail-table.ts'

const scene = setMailTable()

/** Whoever waits for a lock on the ledger. */
async function waiting(): Promise<number> {
  const { rows } = await scene.database.pool.query(`
    SELECT count(*)::int AS count FROM pg_locks
     WHERE NOT granted AND relation = 'fleet.email_attempts_default'::regclass`)
  return rows[0].count
}

test("an outcome loses nothing when the month's partition of the ledger is made while it is being recorded", async () => {
  const { database } = scene
  const table = scene.workerOf('one')
  await scene.insert()
  const row = await claimOneFrom(table)
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => void lines.push(line) })
  const faults: unknown[] = []
  const write = (results: readonly AttemptResult[]) =>
    table.record(results).catch((error) => {
      faults.push(error)
      throw error
    })
  const recorder = new Recorder({ write, expected: () => 0, log })
  const maker = await database.pool.connect()
  try {
    await maker.query('CREATE TABLE fleet.email_attempts_now (LIKE fleet.email_attempts INCLUDING CONSTRAINTS)')
    await maker.query('BEGIN; LOCK TABLE fleet.email_attempts_default IN ACCESS EXCLUSIVE MODE')
    const recipients = { 'a@x.example': { state: 'accepted', reply: '250 ok' } }
    const answer = { errorClass: undefined, code: 250, providerCode: undefined, reply: '250 ok' }
    const entry = { attempt: 1, outcome: 'sent', ...answer, transport: 'mail.example:25', durationMs: 5 } as const
    const recorded = recorder.record({ ...resultOf(row, { status: 'sent' }, { recipients }), entry })
    await expect.poll(waiting).toBe(1)
    await maker.query(`
      ALTER TABLE fleet.email_attempts ATTACH PARTITION fleet.email_attempts_now FOR VALUES FROM ('2000-01-01') TO ('2100-01-01');
      COMMIT`)
    await recorded
    expect(await scene.read()).toMatchObject({ status: 'sent', recipients })
    expect(await scene.ledger()).toMatchObject([{ outcome: 'sent', reply: '250 ok', transport: 'mail.example:25' }])
    // It was the race, and not luck; and nothing to be told of.
    expect(faults).toMatchObject([{ code: '23514', table: 'email_attempts_default' }])
    expect(lines).toEqual([])
  } finally {
    maker.release()
  }
})
