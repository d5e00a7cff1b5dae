import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type End, type Entity, RenewalRows } from './renewal-rows.ts'

let database: TestDatabase
let rows: RenewalRows
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new RenewalRows(database)
  await rows.stopClock()
  await rows.query(`
    INSERT INTO fleet.subscription_stages (name, before, template) VALUES ('30d', '30 days', 't'), ('after3d', '-3 days', 't')`)
})
afterAll(() => database.drop())
beforeEach(() => rows.clear())

const told = { notified_7d: true, notified_24h: true, notified_expired: true }

/** One of each kind whose end is this far away. */
const subscriptions: [string, (end: End) => Promise<Entity>][] = [
  ['project', (end) => rows.project(end, told)],
  ['portrait', (end) => rows.portrait(end, told)],
  ['company', (end) => rows.company(end)],
]

describe.each(subscriptions)('the notices of a %s', (_kind, subscribe) => {
  it.each(['email', 'telegram', 'sms', 'system'])(
    'that wait on %s are cancelled when its end is moved',
    async (type) => {
      const entity = await subscribe('2 days')
      const notice = await rows.notice(entity, '7d')
      const waits = await rows.notification(notice, { type })
      const held = await rows.notification(notice, { type, status: 'held' })
      const isBeingSent = await rows.notification(notice, { type, status: 'sending' })
      await rows.move(entity, '30 days')
      expect(await rows.statuses(waits, held, isBeingSent)).toEqual(['cancelled', 'cancelled', 'cancelled'])
      expect(await rows.ledger()).toEqual(['7d 2 days withdrawn'])
    },
  )

  it('that have ended stay what they are, and so does what the ledger says of them', async () => {
    const entity = await subscribe('-1 hour')
    const ids: number[] = []
    for (const [stage, status] of Object.entries({ '7d': 'sent', '24h': 'failed', expired: 'expired' })) {
      const id = await rows.notification(await rows.notice(entity, stage), { status })
      await rows.put(id, 'needs_fallback = false')
      ids.push(id)
    }
    await rows.move(entity, null)
    expect(await rows.statuses(...ids)).toEqual(['sent', 'failed', 'expired'])
    expect(await rows.ledger()).toEqual(['24h -01:00:00 sent', '7d -01:00:00 sent', 'expired -01:00:00 sent'])
  })

  it('that are of the end that it has go on waiting, whatever else is changed', async () => {
    const entity = await subscribe('2 days')
    const id = await rows.notification(await rows.notice(entity, '7d'))
    await rows.move(entity, '2 days')
    await rows.query(`UPDATE ${entity.kind} SET created_at = now() WHERE id = ${entity.id}`)
    expect(await rows.statuses(id)).toEqual(['pending'])
  })

  it('that others have of the same number, and other programs of theirs, go on waiting', async () => {
    const entity = await subscribe('2 days')
    for (const kind of ['projects', 'portraits', 'companies', 'orders'].filter((other) => other !== entity.kind)) {
      await rows.query(`
        INSERT INTO fleet.notices (entity_type, entity_id, stage, subscription_end, outcome)
        VALUES ('${kind}', ${entity.id}, '7d', fleet.utc_now(), 'sent')`)
    }
    const ids = [1, 2, 3, 4].map((notice) => rows.notification(notice))
    await rows.move(entity, '30 days')
    expect(await rows.statuses(...(await Promise.all(ids)))).toEqual(['pending', 'pending', 'pending', 'pending'])
  })

  it('that nobody is told of are withdrawn with the one that overtook them, and only those', async () => {
    const entity = await subscribe('1 hour')
    const overtaken = { outcome: 'superseded', reason: 'overtaken' }
    await rows.notice(entity, '30d', { ...overtaken, superseded_by: '7d' })
    await rows.notice(entity, '7d', { ...overtaken, superseded_by: '24h' })
    await rows.notification(await rows.notice(entity, '24h'))
    await rows.notice(entity, 'after3d', { outcome: 'superseded', reason: 'no_opening', superseded_by: '24h' })
    await rows.notice(entity, 'expired', { outcome: 'skipped', reason: 'nobody_to_tell' })
    await rows.move(entity, null)
    expect(await rows.ledger()).toEqual([
      '24h 01:00:00 withdrawn',
      '30d 01:00:00 superseded overtaken',
      '7d 01:00:00 withdrawn overtaken',
      'after3d 01:00:00 superseded no_opening',
      'expired 01:00:00 skipped nobody_to_tell',
    ])
  })

  it.each([
    [['cancelled', 'pending'], 'withdrawn'],
    [['failed', 'pending'], 'withdrawn'],
    [['expired', 'skipped', 'pending'], 'withdrawn'],
    [['sent', 'pending'], 'sent'],
    [['sent'], 'sent'],
    [[], 'sent'],
  ])('whose notifications are %j are %s afterwards', async (statuses, outcome) => {
    const entity = await subscribe('1 hour')
    const notice = await rows.notice(entity, '24h')
    for (const status of statuses) {
      await rows.put(await rows.notification(notice, { status }), 'needs_fallback = false')
    }
    await rows.move(entity, null)
    expect(await rows.ledger()).toEqual([`24h 01:00:00 ${outcome}`])
  })

  it('that are of the end that it is to have go on waiting', async () => {
    const entity = await subscribe('2 days')
    const id = await rows.notification(await rows.notice(entity, '7d', { end: `fleet.utc_now() + interval '3 days'` }))
    await rows.move(entity, '3 days')
    expect([await rows.statuses(id), await rows.ledger()]).toEqual([['pending'], ['7d 3 days sent']])
  })

  it('are told of anew when its end is what it was once more: what was withdrawn stays so', async () => {
    const entity = await subscribe('2 days')
    await rows.notification(await rows.notice(entity, '7d'))
    await rows.move(entity, '30 days')
    await rows.move(entity, '2 days')
    expect(await rows.ledger()).toEqual(['7d 2 days withdrawn'])
  })
})

describe('a flag', () => {
  it.each(['projects', 'portraits'])(
    'of %s whose notice did not go out is put back though its window holds',
    async (kind) => {
      const entity = kind === 'projects' ? await rows.project('1 hour', told) : await rows.portrait('1 hour', told)
      await rows.notice(entity, '7d', { outcome: 'superseded', reason: 'overtaken', superseded_by: '24h' })
      await rows.notification(await rows.notice(entity, '24h'))
      await rows.notification(await rows.notice(entity, 'expired'), { status: 'sent' })
      await rows.move(entity, '-1 hour')
      expect(await rows.flags(entity)).toEqual([false, false, true])
    },
  )

  it.each(['7d', '24h', 'expired'])('that says %s is put back by itself', async (stage) => {
    const project = await rows.project('-1 hour', told)
    await rows.notification(await rows.notice(project, stage))
    await rows.move(project, '-2 hours')
    expect(await rows.flags(project)).toEqual(['7d', '24h', 'expired'].map((one) => one !== stage))
  })

  it('that the same statement sets stays also then', async () => {
    const project = await rows.project('1 hour', { notified_24h: false, notified_7d: true })
    for (const stage of ['7d', '24h']) await rows.notification(await rows.notice(project, stage))
    await rows.move(project, '2 hours', 'notified_24h = true')
    expect(await rows.flags(project)).toEqual([false, true, false])
  })

  it('stays where what is cancelled was of another end than the last one', async () => {
    const project = await rows.project('1 hour', told)
    await rows.notification(await rows.notice(project, '7d', { end: `fleet.utc_now() + interval '5 days'` }))
    await rows.move(project, '-1 hour')
    expect(await rows.flags(project)).toEqual([true, true, true])
    expect(await rows.ledger()).toEqual(['7d 5 days withdrawn'])
  })
})

describe('what has been decided of the old end at stages without a flag', () => {
  it.each([
    ['sent', null],
    ['superseded', 'overtaken'],
    ['skipped', 'nobody_to_tell'],
  ])('as %s holds for the new one, too, while that is in the same window', async (outcome, reason) => {
    const project = await rows.project('-20 days')
    for (const stage of ['30d', '7d', '24h', 'expired', 'after3d', 'suspended']) {
      await rows.notice(project, stage, { outcome, reason })
    }
    await rows.move(project, '-3 days')
    const carried = ['30d -3 days superseded carried_over', 'after3d -3 days superseded carried_over']
    expect((await rows.ledger()).slice(-2)).toEqual(carried)
    expect(await rows.ledger()).toHaveLength(8)
    await rows.move(project, '29 days')
    expect((await rows.ledger()).slice(8)).toEqual(['30d 29 days superseded carried_over'])
    await rows.move(project, '31 days')
    expect(await rows.ledger()).toHaveLength(9)
  })

  it('is for a company all there is: it has no flags', async () => {
    const company = await rows.company('20 hours')
    for (const stage of ['7d', '24h']) await rows.notification(await rows.notice(company, stage), { status: 'sent' })
    await rows.move(company, '3 days')
    expect(await rows.ledger()).toEqual(['24h 20:00:00 sent', '7d 20:00:00 sent', '7d 3 days superseded carried_over'])
  })

  it('holds over what was withdrawn of the new one, and not over what was told', async () => {
    const project = await rows.project('20 days')
    const first = await rows.notice(project, '30d')
    await rows.notification(first)
    await rows.move(project, '10 days')
    await rows.notification(await rows.notice(project, '30d'), { status: 'sent' })
    await rows.move(project, '20 days')
    expect(await rows.ledger()).toEqual(['30d 10 days sent', '30d 20 days superseded carried_over'])
    await rows.move(project, '10 days')
    expect(await rows.ledger()).toEqual(['30d 10 days sent', '30d 20 days superseded carried_over'])
  })

  it('is forgotten where it was withdrawn, or the end was never in between', async () => {
    const project = await rows.project('20 days')
    await rows.notification(await rows.notice(project, '30d'))
    await rows.move(project, '10 days')
    expect(await rows.ledger()).toEqual(['30d 20 days withdrawn'])
    await rows.notification(await rows.notice(project, '30d'), { status: 'sent' })
    await rows.move(project, null)
    await rows.move(project, '11 days')
    expect(await rows.ledger()).toEqual(['30d 10 days sent', '30d 20 days withdrawn'])
  })
})

describe('an entity that is deleted', () => {
  it.each(subscriptions)('takes its notices along that have not gone out: a %s', async (_kind, subscribe) => {
    const entity = await subscribe('-1 hour')
    const [first, second] = [await rows.notice(entity, 'expired'), await rows.notice(entity, '24h')]
    const project_id = entity.kind === 'projects' ? entity.id : null
    const waits = await rows.notification(first, { project_id })
    const wasSent = await rows.notification(second, { project_id, status: 'sent' })
    await rows.act(entity, 'lifecycle_status', 'active', 'expired')
    await rows.query(`DELETE FROM ${entity.kind} WHERE id = ${entity.id}`)
    expect(await rows.statuses(waits, wasSent)).toEqual(['cancelled', 'sent'])
    expect([await rows.ledger(), await rows.acts()]).toEqual([
      ['24h -01:00:00 sent', 'expired -01:00:00 withdrawn'],
      [],
    ])
  })

  it('as a company takes along what its projects and portraits have', async () => {
    const entities = [await rows.project('1 hour'), await rows.portrait('1 hour')]
    const ids: number[] = []
    for (const entity of entities) ids.push(await rows.notification(await rows.notice(entity, '7d')))
    await rows.put(ids[0] ?? 0, 'project_id = 1')
    await rows.query('DELETE FROM companies')
    expect(await rows.statuses(...ids)).toEqual(['cancelled', 'cancelled'])
  })

  it('is refused while notices that are not the fleet’s refer to it', async () => {
    const project = await rows.project('1 hour')
    await rows.query(`INSERT INTO notifications (type, project_id) VALUES ('system', ${project.id})`)
    await expect(rows.query('DELETE FROM projects')).rejects.toMatchObject({ code: '23503' })
  })
})
