import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { foreignZones } from '../migrations/foreign-session.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type Flag, type Minute, RenewalModel, type Setting } from './renewal-model.ts'
import { type Entity, now, RenewalRows } from './renewal-rows.ts'

let database: TestDatabase
let rows: RenewalRows
const sessions: pg.Client[] = []
beforeAll(async () => {
  database = await createTestDatabase()
  rows = new RenewalRows(database)
  await rows.stopClock()
  for (const zone of foreignZones) {
    const session = new pg.Client({ connectionString: database.url, options: `-c TimeZone=${zone}` })
    await session.connect()
    sessions.push(session)
  }
})
afterAll(async () => {
  await Promise.all(sessions.map((session) => session.end()))
  await database.drop()
})

const day = 24 * 60
/** Of an end: near the moments at which something changes, anywhere near, and very far. */
const minute: fc.Arbitrary<Minute> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(null) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(-14, 0, 1, 7, 10, 30), fc.integer({ min: -1, max: 1 }))
      .map(([days, more]) => days * day + more),
  },
  { weight: 6, arbitrary: fc.integer({ min: -20 * day, max: 20 * day }) },
  { weight: 1, arbitrary: fc.integer({ min: -1_000 * 366 * day, max: 4_000 * 366 * day }) },
)
const word = fc.constantFrom(null, 'active', 'expiring', 'expired', 'suspended', 'paused')
const flag = fc.constantFrom(true, false, null)
const setting: fc.Arbitrary<Setting> = fc.record(
  {
    flags: fc.record({ '7d': flag, '24h': flag, expired: flag }, { requiredKeys: [] }),
    lifecycleStatus: word,
    status: fc.constantFrom('active', 'expired', 'archived', null),
  },
  { requiredKeys: ['flags'] },
)
const nothing: Setting = { flags: {} }

type Step =
  | { readonly kind: 'move'; readonly end: Minute; readonly setting: Setting; readonly zone: number }
  | { readonly kind: 'set'; readonly setting: Setting; readonly zone: number }
  | { readonly kind: 'sweep'; readonly hasGone: boolean }
  | { readonly kind: 'wait'; readonly minutes: number }

const zone = fc.nat(foreignZones.length - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('move' as const),
      end: minute,
      setting: fc.oneof(fc.constant(nothing), setting),
      zone,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('set' as const), setting, zone }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('sweep' as const), hasGone: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 10 * day }) }),
  },
)
const columns: Readonly<Record<Flag, string>> = {
  '7d': 'notified_7d',
  '24h': 'notified_24h',
  expired: 'notified_expired',
}

test.each(['projects', 'portraits'] as const)(
  'flags and states of %s are what the rules say, wherever the end is moved',
  async (kind) => {
    const facts = fc.record({
      warnDays: fc.constantFrom(7, 7, null, 0, 1, 10, 30, -3, 2 ** 31 - 1),
      end: minute,
      steps: fc.array(step, { minLength: 1, maxLength: 25 }),
    })
    await fc.assert(
      fc.asyncProperty(facts, async ({ warnDays, end, steps }) => {
        await rows.query('UPDATE public.clock SET now = $1', [now])
        const own = kind === 'projects' ? { notify_before_expiry_days: warnDays } : {}
        const entity = kind === 'projects' ? await rows.project(interval(end), own) : await rows.portrait(interval(end))
        const model = new RenewalModel({
          end,
          warnDays: kind === 'projects' ? warnDays : 7,
          expires: kind === 'projects',
        })
        for (const one of steps) {
          await take(model, entity, one)
          const { lifecycle_status: lifecycleStatus, status } = await rows.read(entity)
          const [first, second, third] = await rows.flags(entity)
          const row = { flags: { '7d': first, '24h': second, expired: third }, lifecycleStatus, status }
          expect(row, JSON.stringify(one)).toEqual(model.row)
        }
      }),
      { numRuns: Number(process.env.RENEWAL_RUNS ?? 40) },
    )
  },
)

async function take(model: RenewalModel, entity: Entity, step: Step): Promise<void> {
  switch (step.kind) {
    case 'move': {
      model.move(step.end, step.setting)
      const end = step.end === null ? 'NULL' : `timestamp '${now}' + interval '${step.end} minutes'`
      await update(entity, step.zone, [`subscription_end = ${end}`, ...assignments(step.setting)])
      break
    }
    case 'set':
      model.set(step.setting)
      await update(entity, step.zone, assignments(step.setting))
      break
    case 'sweep':
      await sweep(model, entity, step.hasGone)
      break
    case 'wait':
      model.now += step.minutes
      await rows.query(`UPDATE public.clock SET now = now + interval '${step.minutes} minutes'`)
  }
}

async function update({ kind, id }: Entity, zone: number, parts: readonly string[]): Promise<void> {
  if (parts.length > 0) await sessions[zone]?.query(`UPDATE ${kind} SET ${parts.join(', ')} WHERE id = ${id}`)
}

function assignments({ flags, lifecycleStatus, status }: Setting): string[] {
  const set = Object.entries(flags).map(([stage, value]) => `${columns[stage as Flag]} = ${value}`)
  if (lifecycleStatus !== undefined) set.push(`lifecycle_status = ${literal(lifecycleStatus)}`)
  if (status !== undefined) set.push(`status = ${literal(status)}`)
  return set
}

/** What the model says that a sweep does, written as the sweep writes it. */
async function sweep(model: RenewalModel, entity: Entity, hasGone: boolean): Promise<void> {
  const announced = model.announce(hasGone)
  if (announced !== null) {
    const notice = await write(entity, announced.stage, `'sent', NULL, NULL`)
    await rows.notification(notice, { status: hasGone ? 'sent' : 'pending' })
    for (const stage of announced.overtaken)
      await write(entity, stage, `'superseded', 'overtaken', '${announced.stage}'`)
  }
  const states = model.advance()
  for (const [field, after] of Object.entries(states))
    await act(entity, field === 'status' ? 'status' : 'lifecycle_status', after)
  await update(entity, 0, assignments({ flags: model.row.flags, ...states }))
}

async function write({ kind, id }: Entity, stage: string, outcome: string): Promise<number> {
  const [notice] = await rows.query<{ id: number }>(`
    INSERT INTO fleet.notices (entity_type, entity_id, stage, subscription_end, outcome, reason, superseded_by)
    SELECT '${kind}', id, '${stage}', subscription_end, ${outcome} FROM ${kind} WHERE id = ${id}
        ON CONFLICT (entity_type, entity_id, stage, subscription_end) DO UPDATE
       SET outcome = EXCLUDED.outcome, reason = EXCLUDED.reason, superseded_by = EXCLUDED.superseded_by
     WHERE notices.outcome = 'withdrawn'
    RETURNING id::int`)
  return notice?.id ?? 0
}

async function act({ kind, id }: Entity, field: string, after: string): Promise<void> {
  await rows.query(`
    INSERT INTO fleet.lifecycle_acts AS a (entity_type, entity_id, field, before_value, after_value, subject_type, subject_id)
    SELECT '${kind}', id, '${field}', ${field}, '${after}', '${kind}', id FROM ${kind} WHERE id = ${id}
        ON CONFLICT (entity_type, entity_id, field) DO UPDATE
       SET before_value = CASE WHEN a.after_value = EXCLUDED.before_value THEN a.before_value ELSE EXCLUDED.before_value END,
           after_value = EXCLUDED.after_value`)
}

function interval(end: Minute): string | null {
  return end === null ? null : `${end} minutes`
}

function literal(value: string | null): string {
  return value === null ? 'NULL' : `'${value}'`
}
