import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectDatabase } from '../../../src/db/pool.ts'
import { examineAll } from '../../../src/ops/doctor/examine.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { hostWith } from './host.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

const host = hostWith({ SMTP_URL: 'mailbox:' })

describe('examining all', () => {
  it('gives up on what hangs, says what it was, and looks at the rest', async () => {
    const client = await database.pool.connect()
    try {
      await client.query('BEGIN; LOCK TABLE fleet.pauses, fleet.workers, fleet.subscription_stages')
      const { checks } = await examineAll({ host, database, patienceMs: 1_500 })
      const hanging = checks.filter(({ findings }) => findings.some(({ code }) => code === 'CHECK_TIMED_OUT'))
      expect(hanging.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['connections', 'workers', 'pauses', 'stages']),
      )
      expect(checks.find(({ name }) => name === 'pauses')?.findings[0]?.what).toBe('no answer within 1.5 s')
      expect(checks.find(({ name }) => name === 'leases')?.fine).toBeDefined()
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })

  it('tells what it is at', async () => {
    const told: (readonly string[])[] = []
    await examineAll({ host, database, onProgress: (underWay) => told.push(underWay) })
    expect(told.flat()).toContain('drift')
    expect(told.at(-1)).toEqual([])
  })

  it('says once that the database is lost on the way', async () => {
    const { port } = new URL(database.url)
    const proxy = await startTcpProxy(Number(port))
    const url = new URL(database.url)
    url.port = String(proxy.port)
    const { db, close } = connectDatabase({ url: url.href, applicationName: 'fleet-test' })
    try {
      let cut: Promise<void> | undefined
      const onProgress = (underWay: readonly string[]) => {
        if (underWay.includes('drift')) cut ??= proxy.stop()
      }
      const { checks } = await examineAll({ host, database: { db }, onProgress })
      await cut
      expect(checks.find(({ name }) => name === 'database')?.fine).toBeDefined()
      const codes = checks.flatMap(({ findings }) => findings.map(({ code }) => code))
      expect(codes.filter((code) => code !== 'DURABILITY_OFF')).toEqual(['DATABASE_UNREACHABLE'])
      expect(checks.find(({ name }) => name === 'held')?.skipped).toBe('the database is out of reach')
    } finally {
      await close()
    }
  })

  it('can be done by a worker, but for what nobody should see', async () => {
    const { db, close } = connectDatabase({ url: database.workerUrl, applicationName: 'fleet-test' })
    try {
      const { checks } = await examineAll({ host, database: { db } })
      const general = checks.flatMap(({ findings }) => findings.filter(({ code }) => code.startsWith('CHECK_')))
      expect(general).toMatchObject([{ code: 'CHECK_NOT_ALLOWED', what: 'permission denied for table users' }])
    } finally {
      await close()
    }
  })
})
