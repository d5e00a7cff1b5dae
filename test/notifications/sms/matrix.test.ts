import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { channelPause } from '../../../src/notifications/channel-pause-store.ts'
import { gatewayDriver } from '../../../src/notifications/channels/sms/gateway-driver.ts'
import { smsChannel } from '../../../src/notifications/channels/sms/sms-channel.ts'
import { settle } from '../../../src/queue/settlement.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { driverFor, rootFor } from './cell-driver.ts'
import { smsMatrix } from './matrix.ts'
import { firmHold, smsNotice } from './notices.ts'
import { type ScriptedServer, startScriptedServer } from './scripted-server.ts'

const log = pino({ enabled: false })
const facts = { attempt: 1, maxAttempts: 3, backoff: { firstMs: 1, lastMs: 2 }, holdsAmbiguous: false, random: 0 }

let database: TestDatabase
let server: ScriptedServer

beforeAll(async () => {
  database = await createTestDatabase()
  server = await startScriptedServer()
})

afterAll(async () => {
  await server.close()
  await database.drop()
})

beforeEach(async () => {
  server.seen.length = 0
  await sql`UPDATE fleet.channels SET paused_until = NULL, reason = NULL, strikes = 0`.execute(database.db)
})

async function readPause() {
  const { rows } = await sql<{ pauseMs: number | null; strikes: number }>`
    SELECT extract(epoch FROM paused_until - now())::float8 * 1000 AS "pauseMs", strikes
      FROM fleet.channels WHERE name = 'sms'`.execute(database.db)
  return rows[0]
}

describe('every answer', () => {
  it.each(smsMatrix)('$channel: $answer → $outcome, $errorClass', async (cell) => {
    const root = await rootFor(cell, server)
    const driver = cell.driver === 'none' ? undefined : driverFor(cell, root)
    const { recipient = '8 (912) 345-67-89', subject = 'Подписка', server: reaction } = cell
    const hold = firmHold()
    const channel = smsChannel({ driver, pause: channelPause(database, 'sms'), log })

    const delivery = await channel.deliver(smsNotice({ recipient, subject, message: null }), hold)

    const { outcome } = delivery
    if (outcome.kind === 'untouched') expect.fail('nothing was tried')
    expect({
      outcome: outcome.kind,
      errorClass: 'errorClass' in outcome ? outcome.errorClass : null,
      status: settle(outcome, facts).status,
      code: delivery.code,
      providerCode: delivery.providerCode,
    }).toEqual({
      outcome: cell.outcome,
      errorClass: cell.errorClass,
      status: cell.status,
      code: reaction === 'cut' ? 201 : typeof reaction === 'object' ? reaction.status : undefined,
      providerCode: cell.providerCode,
    })
    const isAsked = !['unasked', 'refuse', 'unknown'].includes(String(reaction))
    expect({ requests: server.seen.length, handedOver: hold.asked() }).toEqual({
      requests: isAsked ? 1 : 0,
      handedOver: isAsked ? 1 : 0,
    })
    const paused = await readPause()
    expect(paused?.strikes).toBe(cell.outcome === 'outage' ? 1 : 0)
    if (cell.pauseMs === undefined) {
      expect(paused?.pauseMs).toBeNull()
    } else {
      expect('retryAfterMs' in outcome && outcome.retryAfterMs).toBe(cell.pauseMs)
      expect(paused?.pauseMs).toBeLessThanOrEqual(cell.pauseMs)
      expect(paused?.pauseMs).not.toBeNull()
    }
  })
})

describe('an outage', () => {
  it.each([
    [200, 0],
    [400, 0],
    [500, 3],
    [429, 3],
  ])('is over once the provider has looked at a message, and not before: %d', async (status, strikes) => {
    await sql`UPDATE fleet.channels SET strikes = 3 WHERE name = 'sms'`.execute(database.db)
    server.react = { status }
    const driver = gatewayDriver({ url: `${server.root}/?to={to}&text={text}`, method: 'GET' })
    const channel = smsChannel({ driver, pause: channelPause(database, 'sms'), log })
    await channel.deliver(smsNotice(), firmHold())
    expect(await readPause()).toMatchObject({ strikes })
  })
})
