import { describe, expect, test } from 'vitest'
import { deleteOldSweeps } from '../../src/subscriptions/sweep-store.ts'
import { setSubscriptions } from './subscriptions.ts'

const subscriptions = setSubscriptions()

describe('a sweep', () => {
  test('announces what is due, sets its flag, moves the state and writes it all down', async () => {
    await subscriptions.set('2026-03-02 09:00')
    const id = await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
    expect(await subscriptions.sweep()).toMatchObject({ kind: 'done', counts: { notices: 1, states: 1 }, left: 0 })
    expect(await subscriptions.ledger()).toEqual([`projects ${id} 7d sent`])
    expect(await subscriptions.notifications()).toMatchObject([
      {
        type: 'email',
        recipient: 'office@acme.example',
        group_id: '7d:1:2026-03-02',
        scheduled_at: null,
        not_after: new Date('2026-03-07T15:00Z'),
      },
      { type: 'telegram', recipient: '7001', status: 'pending' },
    ])
    expect(
      await subscriptions.query('SELECT notified_7d, notified_24h, lifecycle_status, status FROM projects'),
    ).toEqual([{ notified_7d: true, notified_24h: false, lifecycle_status: 'expiring', status: 'active' }])
    expect(await subscriptions.query('SELECT field_name, changes, actor_email FROM audit_log ORDER BY id')).toEqual([
      { field_name: 'notified_7d', changes: { before: false, after: true }, actor_email: 'fleet' },
      { field_name: 'lifecycle_status', changes: { before: 'active', after: 'expiring' }, actor_email: 'fleet' },
    ])
    expect(await subscriptions.sweep()).toMatchObject({ kind: 'done', counts: { notices: 0, states: 0 } })
  })

  test('after downtime announces only the most urgent stage', async () => {
    await subscriptions.set('2026-03-10 09:00')
    const id = await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
    await subscriptions.insert('ar_content', { company_id: 1, project_id: id, title: 'T', image_path: 'p' })
    await subscriptions.sweep()
    expect(await subscriptions.ledger()).toEqual([
      `projects ${id} 7d superseded overtaken`,
      `projects ${id} 24h superseded overtaken`,
      `projects ${id} expired sent`,
    ])
    expect(await subscriptions.query('SELECT status, lifecycle_status, notified_expired FROM projects')).toEqual([
      { status: 'expired', lifecycle_status: 'expired', notified_expired: true },
    ])
    expect(await subscriptions.query('SELECT is_active FROM ar_content')).toEqual([{ is_active: false }])
    await subscriptions.set('2026-03-22 15:00')
    await subscriptions.sweep()
    expect((await subscriptions.ledger()).at(-1)).toBe(`projects ${id} suspended sent`)
    expect((await subscriptions.notifications()).at(-1)).toMatchObject({
      recipient: 'admin@vertex.example',
      company_id: null,
    })
    expect(
      await subscriptions.query(
        'SELECT entity_type, field, before_value, after_value FROM fleet.lifecycle_acts ORDER BY 1, 2',
      ),
    ).toEqual([
      { entity_type: 'ar_content', field: 'is_active', before_value: 'true', after_value: 'false' },
      { entity_type: 'projects', field: 'lifecycle_status', before_value: 'active', after_value: 'suspended' },
      { entity_type: 'projects', field: 'status', before_value: 'active', after_value: 'expired' },
    ])
  })

  test('tells of portraits and companies, too, and plans the same', async () => {
    await subscriptions.portrait({ subscription_end: '2026-03-03 08:00' })
    await subscriptions.query(`UPDATE companies SET subscription_expires_at = '2026-03-05 08:00' WHERE id = 1`)
    await subscriptions.insert('orders', {
      company_id: 1,
      order_number: '1',
      content_type: 'x',
      amount: 1,
      subscription_end: '2026-03-01',
    })
    const plan = await subscriptions.plan()
    expect(plan.counts).toEqual({ notices: 2, superseded: 1, skipped: 0, states: 1, recorded: 1 })
    expect(await subscriptions.sweep()).toMatchObject({ counts: plan.counts })
    expect(await subscriptions.ledger()).toEqual([
      'orders 1 expired recorded',
      'portraits 1 7d superseded overtaken',
      'portraits 1 24h sent',
      'companies 1 7d sent',
    ])
    expect((await subscriptions.plan()).changes).toBe(0)
  })
})

describe('what nobody asked for', () => {
  test('is left alone: inactive companies, what never ends, what is archived', async () => {
    await subscriptions.project({ subscription_end: null })
    await subscriptions.project({ subscription_end: 'infinity' })
    await subscriptions.project({ subscription_end: '-infinity' })
    await subscriptions.portrait({ subscription_end: '2026-03-03', status: 'archived' })
    const company = await subscriptions.insert('companies', { name: 'Asleep', slug: 'asleep', is_active: false })
    await subscriptions.project({ subscription_end: '2026-03-03', company_id: company })
    expect((await subscriptions.plan()).changes).toBe(0)
    await subscriptions.sweep()
    expect(await subscriptions.ledger()).toEqual([])
  })

  test('a company that does not say whether it is active counts as active', async () => {
    await subscriptions.query('UPDATE companies SET is_active = NULL WHERE id = 1')
    await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
    await subscriptions.sweep()
    expect(await subscriptions.ledger()).toEqual(['projects 1 7d sent'])
  })

  test('an end is not announced twice at one stage, whatever becomes of its flag', async () => {
    await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
    await subscriptions.sweep()
    await subscriptions.query('UPDATE projects SET notified_7d = NULL')
    expect(await subscriptions.sweep()).toMatchObject({ counts: { notices: 0 } })
    expect(await subscriptions.query('SELECT notified_7d FROM projects')).toEqual([{ notified_7d: true }])
    expect(await subscriptions.notifications()).toHaveLength(2)
  })
})

describe('the flood guard', () => {
  const three = async () => {
    for (let n = 0; n < 3; n += 1) await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
  }

  test('stops counting when it is told to stop', async () => {
    await three()
    expect(await subscriptions.sweep({}, { maxChanges: 1, maxPercent: 0 }, AbortSignal.abort())).toMatchObject({
      kind: 'interrupted',
      counts: { notices: 0 },
    })
    expect(await subscriptions.query('SELECT outcome FROM fleet.sweeps')).toEqual([{ outcome: 'interrupted' }])
    expect(await subscriptions.notifications()).toEqual([])
  })

  test('lets nothing be written when that would be too much, and tells the administrator once', async () => {
    await three()
    const blocked = { kind: 'flood', changes: 6, limit: 5, counts: { notices: 3, states: 3 } }
    expect(await subscriptions.sweep({}, { maxChanges: 5 })).toMatchObject(blocked)
    expect(await subscriptions.sweep({}, { maxChanges: 5 })).toMatchObject(blocked)
    expect(await subscriptions.ledger()).toEqual([])
    expect(await subscriptions.notifications()).toMatchObject([
      { recipient: 'admin@vertex.example', notification_type: 'sweep_blocked', company_id: null },
    ])
    expect(await subscriptions.query('SELECT outcome FROM fleet.sweeps')).toEqual([
      { outcome: 'blocked' },
      { outcome: 'blocked' },
    ])
  })

  test('counts as much as a share of all subscriptions, when that is more', async () => {
    await three()
    expect(await subscriptions.sweep({}, { maxChanges: 1, maxPercent: 100 })).toMatchObject({ kind: 'flood', limit: 3 })
  })

  test('lets it pass when somebody allows so many', async () => {
    await three()
    expect(await subscriptions.sweep({ max: 5 }, { maxChanges: 5 })).toMatchObject({ kind: 'flood', limit: 5 })
    expect(await subscriptions.sweep({ max: 6 }, { maxChanges: 5 })).toMatchObject({
      kind: 'done',
      counts: { notices: 3 },
    })
  })

  test('does not count against a baseline, which tells nobody', async () => {
    await three()
    await subscriptions.project({ subscription_end: '2025-03-08 15:00' })
    const done = { kind: 'done', counts: { notices: 0, superseded: 7, states: 5 } }
    expect(await subscriptions.sweep({ baseline: true }, { maxChanges: 5 })).toMatchObject(done)
    expect(await subscriptions.notifications()).toEqual([])
    expect((await subscriptions.plan()).changes).toBe(0)
  })
})

test('a pass goes on past rows that others have locked, and says how many it has left', async () => {
  for (let n = 0; n < 3; n += 1) await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
  const other = await subscriptions.database.pool.connect()
  await other.query('BEGIN')
  await other.query('SELECT FROM projects WHERE id = 2 FOR UPDATE')
  expect(await subscriptions.sweep()).toMatchObject({ counts: { notices: 2 }, left: 1 })
  await other.query('COMMIT')
  other.release()
  expect(await subscriptions.sweep()).toMatchObject({ counts: { notices: 1 }, left: 0 })
})

test('a row that cannot be written does not keep the others back', async () => {
  for (let n = 0; n < 3; n += 1) await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
  await subscriptions.query(`ALTER TABLE projects ADD CONSTRAINT spoilt CHECK (id <> 2 OR notified_7d IS NOT TRUE)`)
  expect(await subscriptions.sweep()).toMatchObject({ kind: 'done', counts: { notices: 2 }, failed: 1, left: 0 })
  expect(await subscriptions.notifications()).toHaveLength(4)
  await subscriptions.query('ALTER TABLE projects DROP CONSTRAINT spoilt')
  expect(await subscriptions.sweep()).toMatchObject({ counts: { notices: 1 }, failed: 0 })
})

test('two passes at once announce each end once', async () => {
  for (let n = 0; n < 40; n += 1) await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
  const results = await Promise.all([subscriptions.sweep(), subscriptions.sweep(), subscriptions.sweep()])
  expect(results.map(({ kind }) => kind)).toEqual(['done', 'done', 'done'])
  expect(await subscriptions.notifications()).toHaveLength(80)
  expect(new Set(await subscriptions.ledger()).size).toBe(40)
})

test('what the view of the specification shows as due is what a sweep deals with', async () => {
  for (const end of ['2026-03-01', '2026-03-02 20:00', '2026-03-05', '2026-03-20'])
    await subscriptions.project({ subscription_end: end })
  const shown = await subscriptions.query('SELECT entity_id FROM expiring_subscriptions ORDER BY 1')
  const plan = await subscriptions.plan()
  expect(plan.steps.map(({ entityId }) => ({ entity_id: entityId }))).toEqual(shown)
})

test('passes of long ago are forgotten, but the last that was let through', async () => {
  await subscriptions.query(`
    INSERT INTO fleet.sweeps (worker, kind, outcome, started_at)
    VALUES ('w', 'sweep', 'done', now() - interval '95 days'), ('w', 'sweep', 'done', now() - interval '94 days'),
           ('w', 'sweep', 'blocked', now() - interval '93 days')`)
  expect(await deleteOldSweeps(subscriptions.database.db)).toBe(1)
  expect(await subscriptions.query('SELECT id FROM fleet.sweeps ORDER BY id')).toEqual([{ id: '2' }, { id: '3' }])
})

test('what went out although its end was moved away is dealt with when that end comes back', async () => {
  const moveTo = (end: string) =>
    subscriptions.query('UPDATE companies SET subscription_expires_at = $1 WHERE id = 1', [end])
  await moveTo('2026-03-08 15:00')
  await subscriptions.sweep()
  await subscriptions.query(`UPDATE notifications SET status = 'sending'`)
  await moveTo('2026-05-01 15:00')
  // It had been handed over already, as its worker now says.
  await subscriptions.query(`UPDATE notifications SET status = 'sent'`)
  await moveTo('2026-03-08 15:00')
  expect(await subscriptions.sweep()).toMatchObject({ kind: 'done', counts: { notices: 0 }, left: 0 })
  expect(await subscriptions.notifications()).toHaveLength(2)
})

test('a decision is stamped when it is written, not when its pass began', async () => {
  await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
  await subscriptions.query(`
    CREATE FUNCTION public.an_hour_passes() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN UPDATE public.test_clock SET now = now + interval '1 hour'; RETURN NULL; END $$;
    CREATE TRIGGER an_hour_passes AFTER INSERT ON fleet.sweeps FOR EACH STATEMENT EXECUTE FUNCTION public.an_hour_passes()`)
  await subscriptions.sweep()
  await subscriptions.query('DROP FUNCTION public.an_hour_passes CASCADE')
  expect(await subscriptions.query('SELECT decided_at FROM fleet.notices')).toEqual([
    { decided_at: new Date('2026-03-02T10:00Z') },
  ])
})

test('a stage that names a channel twice is told once through it', async () => {
  await subscriptions.query(`
    INSERT INTO fleet.subscription_stages (name, before, template, channels)
    VALUES ('30d', '30 days', 'subscription_expiring_7d', '{email,telegram,email}')`)
  await subscriptions.project({ subscription_end: '2026-03-20 15:00' })
  await subscriptions.sweep()
  expect(await subscriptions.notifications()).toMatchObject([{ type: 'email' }, { type: 'telegram' }])
})
