import type pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { setSubscriptions } from './subscriptions.ts'

const subscriptions = setSubscriptions()

/** A program that has begun a transaction, and takes its time. */
let slow: pg.PoolClient
beforeEach(async () => {
  slow = await subscriptions.database.pool.connect()
  await slow.query('BEGIN')
})
afterEach(async () => {
  await slow.query('ROLLBACK')
  slow.release()
})

describe('what somebody keeps locked', () => {
  test('holds up neither the rest of its batch nor who wants a row of it', async () => {
    const company = await subscriptions.insert('companies', {
      name: 'Slow',
      slug: 'slow',
      contact_email: 's@x.example',
    })
    const held = await subscriptions.project({ subscription_end: '2026-03-08 15:00', company_id: company })
    const other = await subscriptions.project({ subscription_end: '2026-03-08 15:00' })
    await slow.query('SELECT FROM companies WHERE id = $1 FOR UPDATE', [company])
    expect(await subscriptions.sweep()).toMatchObject({ kind: 'done', counts: { notices: 1 }, left: 1, failed: 0 })
    expect(await subscriptions.ledger()).toEqual([`projects ${other} 7d sent`])
    await slow.query('ROLLBACK')
    await slow.query('BEGIN')
    expect(await subscriptions.sweep()).toMatchObject({ counts: { notices: 1 }, left: 0 })
    expect(await subscriptions.ledger()).toContain(`projects ${held} 7d sent`)
  })

  test('is left to the next sweep where it is the content of a project that expires', async () => {
    const id = await subscriptions.project({ subscription_end: '2026-03-02 08:00' })
    const content = { company_id: 1, project_id: id, title: 'T', image_path: 'p' }
    const contentId = await subscriptions.insert('ar_content', content)
    await slow.query(`UPDATE ar_content SET title = 'U' WHERE id = $1`, [contentId])
    expect(await subscriptions.sweep()).toMatchObject({ kind: 'done', counts: { notices: 0 }, left: 1, failed: 0 })
    // It would end in a deadlock if the sweep still waited for the content.
    await slow.query(`UPDATE projects SET name = 'Stage' WHERE id = $1`, [id])
    await slow.query('COMMIT')
    await slow.query('BEGIN')
    expect(await subscriptions.sweep()).toMatchObject({ counts: { notices: 1 }, left: 0 })
    expect(await subscriptions.query('SELECT is_active, title FROM ar_content')).toEqual([
      { is_active: false, title: 'U' },
    ])
  })
})
