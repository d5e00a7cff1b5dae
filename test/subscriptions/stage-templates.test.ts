import { describe, expect, test } from 'vitest'
import { renderTemplate } from '../../src/email/render.ts'
import { setSubscriptions } from './subscriptions.ts'

const subscriptions = setSubscriptions()

describe('the template of a stage', () => {
  test('makes the subject that the plan shows, which is that of the mail', async () => {
    await subscriptions.set('2026-03-02 09:00')
    await subscriptions.project({ name: 'Зал', subscription_end: '2026-03-08 15:00' })
    const [step] = (await subscriptions.plan()).steps
    const subject = 'Подписка на проект «Зал» закончится через 6 дней, 8 марта 2026 г.'
    expect(step?.notices[0]?.messages).toMatchObject([{ subject }, { subject }])
    await subscriptions.sweep()
    const mail = (await subscriptions.notifications()).find(({ type }) => type === 'email')
    expect(mail).toMatchObject({ subject, event_data: { template: 'subscription_expiring_7d' } })
    const request = {
      templateId: 'subscription_expiring_7d',
      variables: mail?.event_data,
      defaultLocale: 'en',
    } as const
    expect(renderTemplate(request)).toMatchObject({ subject })
  })

  test('that does not exist leaves what is due for when the stage is mended, and the plan says why', async () => {
    await subscriptions.query(
      `INSERT INTO fleet.subscription_stages (name, before, template) VALUES ('30d', '30 days', 'subscription_expires')`,
    )
    const id = await subscriptions.project({ subscription_end: '2026-03-22 15:00' })
    await expect(subscriptions.plan()).rejects.toThrow(
      /the stage 30d cannot be told of: template "subscription_expires" does not exist/,
    )
    expect(await subscriptions.sweep()).toMatchObject({ counts: { notices: 0 }, failed: 1 })
    expect(await subscriptions.ledger()).toEqual([])
    await subscriptions.query(
      `UPDATE fleet.subscription_stages SET template = 'subscription_expiring_7d' WHERE name = '30d'`,
    )
    await subscriptions.sweep()
    expect(await subscriptions.ledger()).toEqual([`projects ${id} 30d sent`])
  })
})
