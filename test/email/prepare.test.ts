import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { prepare } from '../../src/email/prepare.ts'
import type { EmailRow } from '../../src/email/store.ts'

const row: EmailRow = {
  id: 1,
  token: '7',
  attempt: 1,
  max_attempts: 5,
  prio: 5,
  due: 0,
  waited_ms: 0,
  holds_ambiguous: false,
  recipient_to: 'Иван <ivan@example.com>, broken@',
  recipient_cc: 'ivan@example.com; cc@example.com',
  recipient_bcc: 'bcc@example.com',
  subject: 'Подписка',
  body: 'Здравствуйте!\n',
  html: null,
  template_id: null,
  variables: {},
  message_id: '<1@vertexar.com>',
  recipients: { 'cc@example.com': { state: 'accepted', reply: '250 OK' } },
}
const from = { name: 'Vertex AR', address: 'no-reply@vertexar.com' }
const open = { overrideTo: undefined, allowlist: undefined }
const settings = { from, maxBytes: 100_000, defaultLocale: 'ru', dkim: undefined, sandbox: open } as const
const now = new Date('2026-11-22T19:42:00Z')

describe('a row', () => {
  it('becomes a message at once, for those who are still to get it', () => {
    expect(prepare(row, settings, now)).toMatchObject({
      kind: 'ready',
      envelope: { from: from.address, to: ['ivan@example.com', 'bcc@example.com'] },
      message: expect.any(Buffer),
      known: { 'cc@example.com': { state: 'accepted' }, 'broken@': { state: 'refused' } },
    })
  })

  it('of a template becomes a message at once', () => {
    const variables = { ends_at: '2026-12-23T15:00:00Z', entity_name: 'Музей', company_name: 'Ромашка', days_left: 7 }
    const templated = { ...row, template_id: 'subscription_expiring_7d', variables }
    expect(prepare(templated, settings, now)).toMatchObject({
      kind: 'ready',
      subject: expect.stringContaining('Музей'),
    })
  })

  it('that nodemailer has to compose becomes the same later', async () => {
    const prepared = prepare({ ...row, recipient_to: 'почта@example.com' }, settings, now)
    expect(prepared).toBeInstanceOf(Promise)
    expect(await prepared).toMatchObject({
      envelope: { to: ['почта@example.com', 'ivan@example.com', 'bcc@example.com'] },
    })
  })

  it('is signed where there is a key', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const dkim = { domain: 'vertexar.com', selector: 's', privateKey: pem }
    const prepared = await prepare(row, { ...settings, dkim }, now)
    if (prepared.kind !== 'ready') throw new Error('refused')
    expect(prepared.message.toString()).toMatch(/^DKIM-Signature: /)
  })

  it.each(['x', 'ж'.repeat(300_000)])(
    'whose message is too large is refused, however it is composed (%#)',
    async (body) => {
      expect(await prepare({ ...row, body }, { ...settings, maxBytes: 100 }, now)).toMatchObject({
        kind: 'refused',
        outcome: { kind: 'hard_failure', errorClass: 'too_large' },
      })
    },
  )

  it('without a recipient is refused, and one whose recipients all have it is concluded', () => {
    const nobody = { ...row, recipient_to: ' ', recipient_cc: null, recipient_bcc: null }
    expect(prepare(nobody, settings, now)).toMatchObject({ outcome: { errorClass: 'no_recipient' } })
    const done = { ...nobody, recipient_to: 'cc@example.com' }
    expect(prepare(done, settings, now)).toMatchObject({ kind: 'refused', outcome: { kind: 'sent' } })
  })

  it('goes to nobody who was erased, and names nobody in the place', async () => {
    const erased = { ...row, recipient_to: 'erased@invalid, Иван <ivan@example.com>', recipient_cc: 'erased@invalid' }
    const prepared = await prepare(erased, settings, now)
    if (prepared.kind !== 'ready') throw new Error('it is ready')
    expect(prepared.envelope.to).toEqual(['ivan@example.com', 'bcc@example.com'])
    expect(prepared.message.toString()).not.toContain('erased')
    const nobody = { ...row, recipient_to: 'erased@invalid', recipient_cc: null, recipient_bcc: null }
    expect(prepare(nobody, settings, now)).toMatchObject({ kind: 'refused', outcome: { errorClass: 'no_recipient' } })
  })
})
