import { describe, expect, test } from 'vitest'
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
