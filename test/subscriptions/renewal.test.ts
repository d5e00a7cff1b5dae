import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { foreignZones, inSession } from '../migrations/foreign-session.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type End, RenewalRows } from './renewal-rows.ts'

let database: TestDatabase
let rows: RenewalRows
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new RenewalRows(database)
  await rows.stopClock()
})
afterAll(() => database.drop())
beforeEach(() => rows.clear())

const told = { notified_7d: true, notified_24h: true, notified_expired: true }

/** An end before, the end after, and which of the three flags, all set before, are left: 7 days, 24 hours, expired. */
const shifts: [End, End, boolean[]][] = [
  ['-1 hour', '30 days', [false, false, false]],
  ['-1 hour', '7 days 1 minute', [false, false, false]],
  ['-1 hour', '7 days', [true, false, false]],
  ['-1 hour', '24 hours 1 minute', [true, false, false]],
  ['-1 hour', '24 hours', [true, true, false]],
  ['-1 hour', '1 minute', [true, true, false]],
  ['-1 hour', '0', [true, true, true]],
  ['30 days', '-30 days', [true, true, true]],
  ['1 hour', null, [false, false, false]],
  ['1 hour', 'infinity', [false, false, false]],
  ['1 hour', '-infinity', [false, false, false]],
  ['1 hour', '4713-01-02 BC', [true, true, true]],
  ['1 hour', '0001-01-01', [true, true, true]],
  ['1 hour', '294276-12-31', [false, false, false]],
  ['infinity', '2 days', [true, false, false]],
  ['294276-12-31', '4713-01-02 BC', [true, true, true]],
  [null, '2 days', [true, false, false]],
  [null, '30 days', [false, false, false]],
]

describe('flags', () => {
  it.each(shifts)('of an end moved from %s to %s: what still holds is left, %j', async (from, to, expected) => {
    for (const entity of [await rows.project(from, told), await rows.portrait(from, told)]) {
      await rows.move(entity, to)
      expect(await rows.flags(entity), entity.kind).toEqual(expected)
    }
  })

  it.each([
    [30, '30 days', true],
    [30, '30 days 1 minute', false],
    [0, '1 minute', false],
    [0, '0', true],
    [-5, '1 minute', false],
    [null, '7 days', true],
    [null, '7 days 1 minute', false],
    [2 ** 31 - 1, '3650 days', true],
    [2 ** 31 - 1, '3651 days', false],
    [-(2 ** 31), '1 minute', false],
  ])(
    'of a project that wants notice %s days before its end, moved to %s: the first is left is %s',
    async (days, to, left) => {
      const project = await rows.project('-1 hour', { ...told, notify_before_expiry_days: days })
      await rows.move(project, to)
      expect((await rows.flags(project))[0]).toBe(left)
    },
  )

  it('that the same statement sets stay, and those that it takes back, too', async () => {
    const project = await rows.project('2 days', { notified_24h: true })
    await rows.move(project, '30 days', 'notified_7d = true, notified_24h = false, notified_expired = NULL')
    expect(await rows.flags(project)).toEqual([true, false, null])
  })

  it('that say nothing go on saying nothing', async () => {
    const portrait = await rows.portrait('2 days', { notified_7d: null, notified_24h: null, notified_expired: null })
    await rows.move(portrait, '30 days')
    expect(await rows.flags(portrait)).toEqual([null, null, null])
  })

  it('are nobody’s concern where the end stays', async () => {
    const project = await rows.project('30 days', told)
    await rows.move(project, '30 days', `name = 'Other'`)
    await rows.query(
      `UPDATE projects SET notify_before_expiry_days = 1, notified_7d = true, lifecycle_status = 'expired'`,
    )
    expect(await rows.flags(project)).toEqual([true, true, true])
  })

  it.each(foreignZones)('follow what a session in %s writes as UTC', async (zone) => {
    const project = await rows.project('-1 hour', told)
    await inSession(database.url, zone, async (session) => {
      await session.query(`UPDATE projects SET subscription_end = '2026-12-17 12:00:00'`)
      expect(await rows.flags(project)).toEqual([true, true, false])
      await session.query(`UPDATE projects SET subscription_end = '2026-12-17 12:00:01'`)
      expect(await rows.flags(project)).toEqual([true, false, false])
    })
  })
})

/** A state that the fleet made of another, the end after, and what becomes of it. */
const states: [string, string | null, End, string | null][] = [
  ['expiring', 'active', '30 days', 'active'],
  ['expiring', 'active', '7 days', 'expiring'],
  ['expiring', 'active', '-1 hour', 'expiring'],
  ['expired', 'active', '-13 days', 'expired'],
  ['expired', 'active', '2 days', 'expiring'],
  ['expired', 'active', '30 days', 'active'],
  ['expired', null, null, null],
  ['expired', 'paused', 'infinity', 'paused'],
  ['suspended', 'active', '-15 days', 'suspended'],
  ['suspended', 'active', '-14 days', 'suspended'],
  ['suspended', 'active', '-13 days', 'expired'],
  ['suspended', 'active', '1 hour', 'expiring'],
  ['suspended', 'active', '-infinity', 'active'],
]

describe('a state that the fleet made', () => {
  it.each(states)('%s of %s, the end moved to %s, becomes %s', async (made, before, to, after) => {
    const columns = { lifecycle_status: made }
    for (const entity of [await rows.project('-20 days', columns), await rows.portrait('-20 days', columns)]) {
      await rows.act(entity, 'lifecycle_status', before, made)
      await rows.move(entity, to)
      expect((await rows.read(entity)).lifecycle_status, entity.kind).toBe(after)
    }
    const stands = after !== null && after !== before
    expect(await rows.acts()).toEqual(stands ? Array(2).fill(`lifecycle_status ${after}`) : [])
    const changes = { before: made, after }
    expect(await rows.audit()).toEqual(
      after === made
        ? []
        : ['project', 'portrait'].map((entity_type) => ({
            entity_type,
            entity_id: 1,
            field_name: 'lifecycle_status',
            changes,
          })),
    )
  })

  it('goes back step by step, and in the end to what it was', async () => {
    const project = await rows.project('-20 days', { lifecycle_status: 'suspended', notify_before_expiry_days: 10 })
    await rows.act(project, 'lifecycle_status', 'active', 'suspended')
    const seen: unknown[] = []
    for (const end of ['-1 hour', '9 days', '30 days', '-20 days']) {
      await rows.move(project, end)
      seen.push((await rows.read(project)).lifecycle_status)
    }
    expect(seen).toEqual(['expired', 'expiring', 'active', 'active'])
  })

  it('counts the days of grace that the stage has now', async () => {
    const project = await rows.project('-20 days', { lifecycle_status: 'suspended' })
    await rows.act(project, 'lifecycle_status', 'active', 'suspended')
    await rows.query(`UPDATE fleet.subscription_stages SET before = '-30 days' WHERE name = 'suspended'`)
    await rows.move(project, '-19 days')
    expect((await rows.read(project)).lifecycle_status).toBe('expired')
    await rows.query(`UPDATE fleet.subscription_stages SET before = '-14 days' WHERE name = 'suspended'`)
  })

  it.each([
    ['by the same statement', '-20 days', `lifecycle_status = 'active'`, 'active'],
    ['by an earlier one', '-20 days', '', 'paused'],
    ['by the same statement, to never', null, `lifecycle_status = 'expired'`, 'expired'],
  ])('and somebody else has changed since, %s, is theirs', async (how, to, also, after) => {
    const project = await rows.project('-19 days', { lifecycle_status: 'suspended' })
    await rows.act(project, 'lifecycle_status', 'active', 'suspended')
    if (how === 'by an earlier one') await rows.query(`UPDATE projects SET lifecycle_status = 'paused'`)
    await rows.move(project, to, also)
    expect((await rows.read(project)).lifecycle_status).toBe(after)
    expect([await rows.acts(), await rows.audit()]).toEqual([[], []])
  })
})

it.each(['expiring', 'expired', 'suspended'])('a state that others made, %s, stays', async (made) => {
  const project = await rows.project('-20 days', { lifecycle_status: made, status: 'expired' })
  await rows.move(project, '30 days')
  expect(await rows.read(project)).toMatchObject({ lifecycle_status: made, status: 'expired' })
})

describe('a project that the fleet has expired', () => {
  /** Two contents were active, one said nothing, one was inactive. */
  async function expired(status: string | null = 'active') {
    const project = await rows.project('-1 hour', { status: 'expired' })
    const contents = [true, true, null, false].map((isActive) => rows.content(project, isActive))
    const [first = 0, second = 0, third = 0] = await Promise.all(contents)
    await rows.query('UPDATE ar_content SET is_active = false')
    await rows.act(project, 'status', status, 'expired')
    const before = new Map([
      [first, 'true'],
      [second, 'true'],
      [third, null],
    ])
    for (const [id, value] of before) await rows.act({ kind: 'ar_content', id }, 'is_active', value, 'false', project)
    return { project, first }
  }

  async function contents(): Promise<unknown[]> {
    const found = await rows.query<{ is_active: boolean }>('SELECT is_active FROM ar_content ORDER BY id')
    return found.map((content) => content.is_active)
  }

  it.each<[End, string | null]>([
    ['1 minute', 'active'],
    [null, null],
    ['infinity', 'active'],
  ])('is what it was, with its content, when its end is moved to %s', async (to, status) => {
    const { project } = await expired(status)
    await rows.move(project, to)
    expect((await rows.read(project)).status).toBe(status)
    expect((await contents()).map(String).sort()).toEqual(['false', 'null', 'true', 'true'])
    expect(await rows.acts()).toEqual([])
    expect((await rows.audit()).map(({ entity_type, changes }) => ({ entity_type, changes }))).toEqual(
      expect.arrayContaining([
        { entity_type: 'project', changes: { before: 'expired', after: status } },
        { entity_type: 'ar_content', changes: { before: false, after: true } },
        { entity_type: 'ar_content', changes: { before: false, after: null } },
      ]),
    )
    expect(await rows.audit()).toHaveLength(4)
  })

  it('stays so while its end is past', async () => {
    const { project } = await expired()
    await rows.move(project, '0')
    expect([(await rows.read(project)).status, await contents()]).toEqual(['expired', [false, false, false, false]])
    expect(await rows.acts()).toHaveLength(4)
  })

  it('is not touched where somebody has changed it since; the rest is put back', async () => {
    const { project, first } = await expired()
    await rows.query(`UPDATE projects SET status = 'archived'`)
    await rows.query(`UPDATE ar_content SET is_active = NULL WHERE id = ${first}`)
    await rows.move(project, '30 days')
    expect((await rows.read(project)).status).toBe('archived')
    expect((await contents()).map(String).sort()).toEqual(['false', 'null', 'null', 'true'])
    expect(await rows.acts()).toEqual([])
  })

  it('is somebody else’s as soon as they have shown its content again, whatever they make of it then', async () => {
    const { project, first } = await expired()
    await rows.query(`UPDATE ar_content SET is_active = true WHERE id = ${first}`)
    await rows.move(project, '-2 hours')
    await rows.query(`UPDATE ar_content SET is_active = false WHERE id = ${first}`)
    await rows.move(project, '30 days')
    expect(await rows.query(`SELECT is_active FROM ar_content WHERE id = ${first}`)).toEqual([{ is_active: false }])
  })

  it('becomes what the statement that moves the end makes of it', async () => {
    const { project } = await expired()
    await rows.move(project, '30 days', `status = 'archived'`)
    expect((await rows.read(project)).status).toBe('archived')
    expect(await rows.acts()).toEqual([])
  })

  it('is put back also where a trigger of the platform writes to the project for its content', async () => {
    const { project } = await expired()
    await rows.query(`
      CREATE FUNCTION count_content() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE public.projects SET description = 'content' WHERE id = NEW.project_id; RETURN NEW; END $$;
      CREATE TRIGGER count_content BEFORE UPDATE ON ar_content FOR EACH ROW EXECUTE FUNCTION count_content()`)
    await rows.move(project, '30 days')
    expect(await rows.read(project)).toMatchObject({ status: 'active', description: 'content' })
    await rows.query('DROP TRIGGER count_content ON ar_content; DROP FUNCTION count_content()')
  })

  it('does not touch the content of other projects', async () => {
    await expired()
    const other = await rows.project('-1 hour')
    await rows.move(other, '30 days')
    expect(await contents()).toEqual([false, false, false, false])
  })
})
