import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectDatabase, type Database } from '../../src/db/pool.ts'
import type { ChannelPause } from '../../src/notifications/channel-pause.ts'
import { channelPause } from '../../src/notifications/channel-pause-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
let worker: Database
let pause: ChannelPause

beforeAll(async () => {
  database = await createTestDatabase()
  // The clock stands still until a test moves it.
  await sql`CREATE TABLE public.clock (now timestamp)`.execute(database.db)
  await sql`GRANT SELECT ON public.clock TO public`.execute(database.db)
  await sql`INSERT INTO public.clock VALUES ('2026-03-04 12:00')`.execute(database.db)
  await sql`
    CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE AS 'SELECT now FROM public.clock'
  `.execute(database.db)
  worker = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-test' })
  pause = channelPause(worker, 'sms')
})

afterAll(async () => {
  await worker.close()
  await database.drop()
})

beforeEach(async () => {
  await sql`UPDATE fleet.channels SET paused_until = NULL, reason = NULL, strikes = 0`.execute(database.db)
  await sql`UPDATE public.clock SET now = '2026-03-04 12:00'`.execute(database.db)
})

async function pass(seconds: number): Promise<void> {
  await sql`UPDATE public.clock SET now = now + ${seconds} * interval '1 second'`.execute(database.db)
}

async function read(name = 'sms') {
  const { rows } = await sql<{ until: string | null; reason: string | null; strikes: number }>`
    SELECT to_char(paused_until, 'HH24:MI:SS.MS') AS until, reason, strikes FROM fleet.channels WHERE name = ${name}
  `.execute(database.db)
  return rows[0]
}

describe('a pause of a channel', () => {
  it('lasts as long as was asked, on that channel alone', async () => {
    await pause.pause(2_500, '429')
    expect(await read()).toEqual({ until: '12:00:02.500', reason: '429', strikes: 0 })
    expect(await read('telegram')).toEqual({ until: null, reason: null, strikes: 0 })
  })

  it('is never made shorter', async () => {
    await pause.pause(60_000, 'a minute')
    await pause.pause(1_000, 'a second')
    expect(await read()).toEqual({ until: '12:01:00.000', reason: 'a minute', strikes: 0 })
  })

  it('is replaced once it is over', async () => {
    await pause.pause(60_000, 'a minute')
    await pass(61)
    await pause.pause(1_000, 'a second')
    expect(await read()).toEqual({ until: '12:01:02.000', reason: 'a second', strikes: 0 })
  })
})

describe('an outage of a channel', () => {
  it('pauses twice as long each time, up to a minute', async () => {
    const lasted: number[] = []
    for (let strike = 0; strike < 9; strike += 1) {
      lasted.push(await pause.outage('401'))
      await pass(61)
    }
    expect(lasted).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect(await read()).toMatchObject({ reason: '401', strikes: 9 })
  })

  it('is one outage for all who tell of it while it lasts', async () => {
    await pause.outage('first')
    await pass(0.25)
    expect(await Promise.all([pause.outage('second'), pause.outage('third')])).toEqual([750, 750])
    expect(await read()).toEqual({ until: '12:00:01.000', reason: 'first', strikes: 1 })
  })

  it('counts once when many find it at the same moment', async () => {
    await Promise.all(Array.from({ length: 8 }, () => pause.outage('401')))
    expect(await read()).toEqual({ until: '12:00:01.000', reason: '401', strikes: 1 })
  })

  it('begins with a second again after something has passed', async () => {
    await pause.outage('401')
    await pass(1)
    await pause.outage('401')
    await pause.passed()
    await pass(2)
    expect(await read()).toMatchObject({ strikes: 0 })
    expect(await pause.outage('401')).toBe(1_000)
  })

  it('leaves a longer pause alone, even one without an end', async () => {
    await sql`UPDATE fleet.channels SET paused_until = 'infinity', reason = 'by hand' WHERE name = 'sms'`.execute(
      database.db,
    )
    expect(await pause.outage('401')).toBe(60_000)
    await pause.pause(1_000, '429')
    expect(await read()).toMatchObject({ reason: 'by hand', strikes: 1 })
    const { rows } = await sql`SELECT FROM fleet.channels WHERE paused_until = 'infinity'`.execute(database.db)
    expect(rows).toHaveLength(1)
  })

  it('writes nothing when a message passes and there was none', async () => {
    const version = () => sql<{ xmin: string }>`SELECT xmin FROM fleet.channels WHERE name = 'sms'`.execute(database.db)
    const before = await version()
    await pause.passed()
    expect((await version()).rows).toEqual(before.rows)
  })
})
