import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
  await database.pool.query(`
    INSERT INTO companies (name, slug, contact_email) VALUES ('Museum', 'museum', 'museum@example.org')`)
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() => database.pool.query('TRUNCATE notifications RESTART IDENTITY'))

const rows = () => database.db.selectFrom('notifications').selectAll().orderBy('id').execute()
const send = (...args: string[]) => fleet.run(['notification', 'send', ...args])

it('queues one notification with all that it may have, and says how to follow it', async () => {
  const { code, stdout, stderr } = await send(
    ...['--channel', 'telegram', '--company', 'museum', '--to', '-100123', '--subject', 'Привет', '--text', 'Текст'],
    ...['--type', 'news', '--priority', 'high', '--group', 'g', '--dedup-key', 'k', '--fallback', 'email,sms'],
    ...['--data', '{"order": 7, "phone": "+79123456789"}', '--image-url', 'https://example.org/a.png'],
    ...['--button', 'Open=https://example.org/?a=b', '--button', 'Help=https://example.org/help'],
    ...['--when-ambiguous', 'hold', '--not-after', '2030-01-02'],
  )
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: 'Queued notification 1.\nFollow it with: fleet notification show 1\n',
    stderr: '',
  })
  expect(await rows()).toMatchObject([
    {
      ...{
        type: 'telegram',
        company_id: 2,
        recipient: '-100123',
        subject: 'Привет',
        message: 'Текст',
        status: 'pending',
      },
      ...{
        notification_type: 'news',
        priority: 'high',
        prio: 3,
        group_id: 'g',
        dedup_key: 'k',
        when_ambiguous: 'hold',
      },
      ...{ scheduled_at: null, not_after: new Date('2030-01-02T00:00:00Z'), source: 'fleet cli' },
      event_data: {
        order: 7,
        phone: '+79123456789',
        chat_id: '-100123',
        image_url: 'https://example.org/a.png',
        buttons: [
          { text: 'Open', url: 'https://example.org/?a=b' },
          { text: 'Help', url: 'https://example.org/help' },
        ],
        fallback: ['email', 'sms'],
      },
    },
  ])
})

it('goes to the contact of a company, by its id, slug or name', async () => {
  for (const company of ['2', 'museum', 'Museum']) {
    const { code, document } = await fleet.json([
      ...[
        'notification',
        'send',
        '--channel',
        'email',
        '--company',
        company,
        '--text',
        't',
        '--at',
        '2030-01-01T12:00+03:00',
      ],
    ])
    expect({ code, document }).toMatchObject({
      code: 0,
      document: { created: true, status: 'pending', dueAt: '2030-01-01T09:00:00.000Z', to: 'museum@example.org' },
    })
  }
  expect(await rows()).toMatchObject([2, 2, 2].map((company_id) => ({ company_id, notification_type: 'manual' })))
})

it('warns where the company has no such contact', async () => {
  expect(await send('--channel', 'sms', '--company', 'museum', '--text', 't')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Queued notification 1\./),
    stderr: 'warning: Museum has no phone number: nobody will get it by sms\n',
  })
  expect(await send('--channel', 'system', '--company', 'museum', '--text', 't')).toMatchObject({ code: 0, stderr: '' })
})

it('adds nothing where the key is taken, and names the notification that has it', async () => {
  const args = ['--channel', 'sms', '--to', '8 (912) 345-67-89', '--text', 't', '--dedup-key', 'k']
  await send(...args)
  expect(await send(...args)).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^Notification 1 \(pending\) has the key "k" already; nothing was added\./),
  })
  expect(await rows()).toMatchObject([{ recipient: '+79123456789' }])
})

it('is content with a subject where nothing else is said', async () => {
  expect(await send('--channel', 'system', '--company', 'museum', '--subject', 'New')).toMatchObject({ code: 0 })
  expect(await rows()).toMatchObject([{ subject: 'New', message: null }])
})

it('reads what it says from a file, or from standard input', async () => {
  const path = join(fleet.installation.directory, 'notice.txt')
  await writeFile(path, 'Привет')
  const args = ['notification', 'send', '--channel', 'telegram', '--to', '77']
  await fleet.run(args, { input: 'piped\n' })
  await fleet.run([...args, '--text-file', path])
  expect((await rows()).map(({ message }) => message)).toEqual(['piped\n', 'Привет'])
})

it('is by e-mail made from a template, which brings the text', async () => {
  const facts = { entity_type: 'project', entity_name: 'Show', company_name: 'C', ends_at: '2030-01-01T00:00:00Z' }
  const args = ['--channel', 'email', '--to', 'ann@example.org', '--template', 'subscription_expired']
  expect(await send(...args, '--data', JSON.stringify(facts))).toMatchObject({ code: 0, stderr: '' })
  expect(await rows()).toMatchObject([
    { event_data: { ...facts, template: 'subscription_expired', to: 'ann@example.org' }, message: null },
  ])
})

const toAnn = ['--channel', 'email', '--to', 'ann@example.org']
it.each([
  ['no channel', ['--company', '2', '--text', 't'], /required option '--channel <channel>'/],
  ['a channel that there is not', ['--channel', 'pigeon', '--text', 't'], /Expected email, telegram, sms or system\./],
  [
    'nobody',
    ['--channel', 'telegram', '--text', 't'],
    /nothing says whom to tell by telegram\n.*give --company, or --to/,
  ],
  ['a fallback to nobody', [...toAnn, '--text', 't', '--fallback', 'sms'], /by sms\n.*or "phone" in --data/],
  ['a fallback to itself', [...toAnn, '--text', 't', '--fallback', 'email'], /--fallback names a channel twice/],
  ['no address', ['--channel', 'email', '--to', 'x@', '--text', 't'], /--to: "x@" has no domain/],
  ['no chat', ['--channel', 'telegram', '--to', 'x y', '--text', 't'], /"x y" is no chat/],
  ['no phone number', ['--channel', 'sms', '--to', '12ab', '--text', 't'], /"12ab" has more in it than digits/],
  ['an address in the application', ['--channel', 'system', '--to', 'x', '--text', 't'], /goes to a company/],
  ['nothing to say', toAnn, /the notification says nothing: standard input is empty/],
  ['a subject of two lines', [...toAnn, '--text', 't', '--subject', 'a\nb'], /--subject holds a control character/],
  ['data that is no object', [...toAnn, '--text', 't', '--data', '[1]'], /--data is no JSON object/],
  ['a button that leads nowhere', [...toAnn, '--text', 't', '--button', 'Open'], /Expected Text=https:\/\/…/],
  ['a button of another kind', [...toAnn, '--text', 't', '--button', 'Open=tel:1'], /begins with https:/],
  ['a template without its variables', [...toAnn, '--template', 'subscription_expired'], /needs the variable/],
  [
    'a template that nothing shows',
    ['--channel', 'sms', '--to', '+79123456789', '--template', 'subscription_expired'],
    /--template is for e-mail/,
  ],
])('refuses %s before there is a connection', async (_, args, reason) => {
  const { code, stdout, stderr } = await fleet.run(['notification', 'send', ...args], {
    env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' },
  })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(reason)
})

it('ends with 1 where there is no such company', async () => {
  expect(
    await fleet.json(['notification', 'send', '--channel', 'sms', '--company', 'zoo', '--text', 't']),
  ).toMatchObject({ code: 1, document: { error: { code: 'COMPANY_UNKNOWN' } } })
  expect(await rows()).toEqual([])
})

it('refuses an end before the beginning', async () => {
  expect(await send(...toAnn, '--text', 't', '--at', '2h', '--not-after', '1h')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/is not after/),
  })
})
