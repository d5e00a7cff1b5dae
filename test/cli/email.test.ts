import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { insertArchived, insertAttempt, insertMail } from '../ops/mails.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))
beforeEach(() =>
  database.pool.query('TRUNCATE email_queue, fleet.email_attempts, fleet.email_handovers, audit_log RESTART IDENTITY'),
)

const changed = (minute: number) => new Date(Date.UTC(2026, 10, 20, 10, minute))
const rows = () => database.db.selectFrom('email_queue').selectAll().orderBy('id').execute()
const send = (...args: string[]) => fleet.run(['email', 'send', '--to', 'ann@example.org', ...args])

describe('fleet email send', () => {
  it('queues one mail and says how to follow it', async () => {
    const { code, stdout, stderr } = await fleet.run([
      ...['email', 'send', '--to', 'Иванов <a@example.org>', '--to', 'b@example.org', '--cc', 'c@example.org'],
      ...[
        '--bcc',
        'd@example.org',
        '--subject',
        'Привет',
        '--text',
        'Текст',
        '--html',
        '<p>Текст</p>',
        '--priority',
        '2',
      ],
    ])
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: 'Queued mail 1.\nFollow it with: fleet email show 1\n',
      stderr: '',
    })
    expect(await rows()).toMatchObject([
      {
        recipient_to: 'Иванов <a@example.org>, b@example.org',
        recipient_cc: 'c@example.org',
        recipient_bcc: 'd@example.org',
        subject: 'Привет',
        body: 'Текст',
        html: '<p>Текст</p>',
        status: 'pending',
        priority: 2,
        template_id: null,
        variables: {},
        scheduled_at: null,
        not_after: null,
      },
    ])
  })

  it('takes times, either in ISO or from now on', async () => {
    const { code, document } = await fleet.json([
      ...['email', 'send', '--to', 'a@example.org', '--subject', 's', '--text', 't'],
      ...['--at', '2030-01-01T12:00+03:00', '--not-after', '2030-01-02'],
    ])
    const dueAt = '2030-01-01T09:00:00.000Z'
    expect({ code, document }).toEqual({ code: 0, document: { id: 1, created: true, status: 'pending', dueAt } })
    expect(await rows()).toMatchObject([{ due_at: new Date(dueAt), not_after: new Date('2030-01-02T00:00:00Z') }])
  })

  it('adds nothing where the key is taken, and names the mail that has it', async () => {
    const args = ['--subject', 's', '--text', 't', '--at', '2h', '--dedup-key', 'k']
    expect((await send(...args)).stdout).toMatch(/^Queued mail 1 for \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in 2 h\)\.\n/)
    expect(await send(...args)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Mail 1 \(pending\) has the key "k"/),
    })
    expect(await rows()).toHaveLength(1)
  })

  it('says what is to happen when nobody can know whether it has arrived, and leaves it open unless told', async () => {
    for (const word of [[], ['--when-ambiguous', 'hold'], ['--when-ambiguous', 'resend']])
      await send('--subject', 's', '--text', 't', ...word)
    expect((await rows()).map(({ when_ambiguous }) => when_ambiguous)).toEqual([null, 'hold', 'resend'])
    const refused = await send('--subject', 's', '--text', 't', '--when-ambiguous', 'wait')
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('Expected resend or hold.') })
  })

  it('reads what the mail says from files, or from standard input', async () => {
    const html = join(fleet.installation.directory, 'mail.html')
    await writeFile(html, '<p>Привет</p>')
    const args = ['email', 'send', '--to', 'a@example.org', '--subject', 's']
    await fleet.run(args, { input: 'piped\n' })
    await fleet.run([...args, '--html-file', html, '--text-file', '-'], { input: 'both' })
    expect((await rows()).map(({ body, html }) => ({ body, html }))).toEqual([
      { body: 'piped\n', html: null },
      { body: 'both', html: '<p>Привет</p>' },
    ])
  })

  it('fills a template, whose subject it takes for its own', async () => {
    const variables = {
      locale: 'en',
      entity_type: 'project',
      entity_name: 'Show',
      company_name: 'C',
      ends_at: '2030-01-01T00:00:00Z',
    }
    const { code, stderr } = await send('--template', 'subscription_expired', '--variables', JSON.stringify(variables))
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(await rows()).toMatchObject([
      { template_id: 'subscription_expired', variables, subject: expect.stringContaining('Show'), body: '' },
    ])
  })

  it.each([
    ['nothing to say', ['--subject', 's'], /the mail says nothing: standard input is empty/],
    ['a subject with a line break', ['--subject', 'a\nBcc: x@example.org'], /--subject holds a control character/],
    ['variables without a template', ['--subject', 's', '--text', 't', '--variables', '{}'], /none is given/],
    ['a template without its variables', ['--template', 'subscription_expired'], /needs the variable/],
    [
      'an end before the beginning',
      ['--subject', 's', '--text', 't', '--at', '2h', '--not-after', '1h'],
      /is not after/,
    ],
  ])('refuses %s', async (_, args, reason) => {
    const { code, stdout, stderr } = await send(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(reason)
    expect(await rows()).toEqual([])
  })
})

describe('fleet email list', () => {
  it('shows a line for each mail, uncut and with exact times where no terminal is', async () => {
    await insertMail(database.db, {
      recipient_to: '"Длинное имя, очень" <ann@example.org>',
      subject: `漢字 ${'x'.repeat(100)}`,
      status: 'failed',
      attempts: 3,
      error_class: 'recipient_unknown',
      updated_at: changed(1),
    })
    await insertMail(database.db, {
      subject: 'Two\nlines \u001b[31m',
      status: 'sent',
      sent_at: changed(0),
      updated_at: changed(0),
    })
    const { code, stdout, stderr } = await fleet.run(['email', 'list'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [head, first, second] = stdout.split('\n')
    expect(head).toMatch(/^ID +STATUS +PRIO +TO +SUBJECT +TRIES +WHEN +ERROR$/)
    expect(first).toContain(`"Длинное имя, очень" <ann@example.org>  漢字 ${'x'.repeat(100)}  3/3`)
    expect(first).toMatch(/2026-11-20T10:01:00\.000Z {2}recipient_unknown$/)
    expect(second).toMatch(/Two lines \ufffd\[31m .* 0\/3 +2026-11-20T10:00:00\.000Z$/)
  })

  it('answers everything a program may want', async () => {
    const id = await insertMail(database.db, { status: 'held', updated_at: changed(5), recipient_cc: 'c@example.org' })
    const { document } = await fleet.json(['email', 'list'])
    expect(document).toEqual({
      mails: [
        {
          id,
          status: 'held',
          priority: 5,
          to: 'ann@example.org',
          cc: 'c@example.org',
          bcc: null,
          subject: 'Hello',
          template: null,
          attempts: 0,
          maxAttempts: 3,
          enqueuedAt: expect.stringMatching(/^2.*Z$/),
          dueAt: expect.stringMatching(/^2.*Z$/),
          notAfter: null,
          sentAt: null,
          changedAt: '2026-11-20T10:05:00.000Z',
          archivedAt: null,
          erasedAt: null,
          errorClass: null,
          lastError: null,
        },
      ],
    })
  })

  it('shows 20 unless told otherwise, and says that there are more', async () => {
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body) SELECT 'a@example.org', 's', 'b' FROM generate_series(1, 21)`)
    const { stdout, stderr } = await fleet.run(['email', 'list', '--json'])
    expect(JSON.parse(stdout).mails).toHaveLength(20)
    expect(stderr).toBe('Only the latest 20 mails; --limit shows more.\n')
  })

  it('says why mails are held', async () => {
    const last_error = 'The worker w@host died with this row in hand'
    await insertMail(database.db, { status: 'held', error_class: 'worker_died', last_error })
    await insertMail(database.db, { status: 'held', last_error: 'by hand' })
    await insertMail(database.db, { status: 'failed' })
    const { stdout } = await fleet.run(['email', 'list', '--status', 'held'])
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(3)
    expect(lines[1]).toMatch(/ by hand$/)
    expect(lines[2]).toMatch(/Z {2}worker_died: The worker w@host died with this row in hand$/)
  })

  it('marks what is archived', async () => {
    const id = await insertArchived(database.db, { status: 'sent', updated_at: changed(1) })
    const { stdout } = await fleet.run(['email', 'list', '--status', 'sent'])
    expect(stdout.split('\n')[1]).toMatch(/^ *\d+ +sent \(archived\) +5 /)
    const { document } = await fleet.json(['email', 'list', '--id', String(id)])
    expect(document).toMatchObject({ mails: [{ id, status: 'sent', archivedAt: expect.stringMatching(/^2.*Z$/) }] })
  })

  it('combines its filters', async () => {
    const wanted = {
      status: 'failed',
      error_class: 'timeout',
      last_error: 'No 100% answer',
      template_id: 't',
      priority: 1,
    }
    const id = await insertMail(database.db, { ...wanted, recipient_bcc: 'X <x@Example.com>', updated_at: changed(30) })
    await insertMail(database.db, { ...wanted, updated_at: changed(30) })
    await insertMail(database.db, { ...wanted, recipient_to: 'x@example.com', updated_at: changed(31) })
    const { document } = await fleet.json([
      ...[
        'email',
        'list',
        '--status',
        'failed,held',
        '--to',
        'x@example.com',
        '--error-class',
        'timeout',
        '--error',
        '100% A',
      ],
      ...['--template', 't', '--priority', '1', '--priority', '2', '--id', '1,2,3'],
      ...['--since', '2026-11-20 13:30+03:00', '--until', '2026-11-20T10:31'],
    ])
    expect(document).toMatchObject({ mails: [{ id }] })
    expect((document as { mails: unknown[] }).mails).toHaveLength(1)
  })
})

describe('fleet email show', () => {
  it('tells everything about a mail but what it says', async () => {
    const id = await insertMail(database.db, {
      recipient_to: 'Ann <ann@example.org>, bob@example.org',
      body: 'A secret',
      status: 'failed',
      attempts: 1,
      message_id: '<1.2@example.org>',
      dedup_key: 'order-7',
      last_error: 'bob@example.org refused',
      error_class: 'recipient_unknown',
      recipients: JSON.stringify({
        'bob@example.org': { state: 'refused', reply: '550 5.1.1 no such user', error_class: 'recipient_unknown' },
      }),
    })
    const { code, stdout } = await fleet.run(['email', 'show', String(id)])
    expect(code).toBe(0)
    for (const fact of [
      /^Mail 1 {2}failed\n/,
      /\nSubject +Hello\n/,
      /\nSize +text 8 bytes, HTML 0 bytes\n/,
      /\nAttempts +1 of 3\n/,
      /\nMessage-ID +<1\.2@example\.org>\n/,
      /\nDedup key +order-7\n/,
      /\nError class +recipient_unknown\n/,
      /\nLast error +bob@example\.org refused\n/,
      /\nto +Ann <ann@example\.org> +outstanding\n/,
      /\nto +bob@example\.org +refused +550 5\.1\.1 no such user\n/,
    ]) {
      expect(stdout).toMatch(fact)
    }
    expect(stdout).not.toContain('A secret')
  })

  it('tells that, too, with --body', async () => {
    const id = await insertMail(database.db, { body: 'Line 1\nLine 2', html: '<p>1</p>', variables: '{"name":"Ann"}' })
    const { stdout } = await fleet.run(['email', 'show', String(id), '--body'])
    expect(stdout).toMatch(/\nVariables\n\{\n {2}"name": "Ann"\n\}\n\nText\nLine 1\nLine 2\n\nHTML\n<p>1<\/p>\n$/)
    expect(await fleet.json(['email', 'show', String(id), '--body'])).toMatchObject({
      code: 0,
      document: {
        id,
        recipients: [{ address: 'ann@example.org' }],
        body: { html: '<p>1</p>', variables: { name: 'Ann' } },
      },
    })
  })

  it('lists its attempts, the latest last', async () => {
    const id = await insertMail(database.db, { status: 'sending', claim_token: '9', when_ambiguous: 'resend' })
    const times = { claimed_at: changed(1), handed_over_at: changed(2), ended_at: changed(3), duration_ms: 1_234 }
    const made = { worker: 'w@host', transport: 'mail.example.org:25' }
    const refusal = { smtp_code: 450, enhanced_code: '4.2.2', reply: '450 4.2.2 mailbox full' }
    await insertAttempt(database.db, {
      ...{ email_id: id, attempt: 1, outcome: 'soft_failure', error_class: 'mailbox_full' },
      ...{ ...times, ...made, ...refusal },
    })
    await insertAttempt(database.db, {
      ...{ email_id: id, attempt: 2, outcome: 'sent', ended_at: changed(4), smtp_code: 250, reply: 'queued as 7' },
    })
    const { stdout } = await fleet.run(['email', 'show', String(id)])
    const lines = stdout.trimEnd().split('\n').slice(-4)
    expect(lines[0]).toBe('Attempts')
    expect(lines[1]).toMatch(/^TRY +CLAIMED +HANDED OVER +ENDED +MS +OUTCOME +ANSWER +WORKER +TRANSPORT$/)
    expect(lines[2]?.trim().split(/ {2,}/)).toEqual([
      ...['1', '2026-11-20T10:01:00.000Z', '2026-11-20T10:02:00.000Z', '2026-11-20T10:03:00.000Z', '1,234'],
      ...['soft_failure: mailbox_full', '450 4.2.2 mailbox full', 'w@host', 'mail.example.org:25'],
    ])
    expect(lines[3]?.trim().split(/ {2,}/)).toEqual([
      ...['2', '-', '-', '2026-11-20T10:04:00.000Z', '-', 'sent', '250 queued as 7', '-', '-'],
    ])
    expect(stdout).toMatch(/\nWhen ambiguous +resend\n/)
    const { document } = await fleet.json(['email', 'show', String(id)])
    expect(document).toMatchObject({
      attempts: 0,
      handedOverAt: null,
      history: [
        { attempt: 1, handedOverAt: '2026-11-20T10:02:00.000Z', smtpCode: 450, durationMs: 1_234 },
        { attempt: 2, outcome: 'sent' },
      ],
    })
  })

  it('lists only the latest attempts of very many', async () => {
    const id = await insertMail(database.db)
    await database.pool.query(
      `INSERT INTO fleet.email_attempts (email_id, attempt, token, outcome, ended_at)
       SELECT $1, 1, n, 'throttled', timestamptz '2026-11-20 10:00Z' + n * interval '1 second' FROM generate_series(1, 21) n`,
      [id],
    )
    const { stdout } = await fleet.run(['email', 'show', String(id)])
    expect(stdout).toContain('\nAttempts\n1 earlier attempt: --json has them all.\nTRY ')
    expect(stdout.match(/ throttled /g)).toHaveLength(20)
    expect(stdout.trimEnd().split('\n').at(-1)).toContain('2026-11-20T10:00:21.000Z')
    const { document } = await fleet.json(['email', 'show', String(id)])
    expect((document as { history: unknown[] }).history).toHaveLength(21)
  })

  it('tells that a server may have it at this moment', async () => {
    const id = await insertMail(database.db, { status: 'sending', claim_token: '9' })
    expect((await fleet.run(['email', 'show', String(id)])).stdout).not.toContain('Handed over')
    await database.pool.query(`INSERT INTO fleet.email_handovers VALUES (9, '2026-11-20 10:00:00Z')`)
    const { stdout } = await fleet.run(['email', 'show', String(id)])
    expect(stdout).toMatch(
      /\nHanded over +2026-11-20 10:00:00 UTC \(.*\): a server may have it, its answer is not known yet\n/,
    )
  })

  it('tells when it was archived', async () => {
    const id = await insertArchived(database.db, { status: 'sent' })
    const { stdout } = await fleet.run(['email', 'show', String(id)])
    expect(stdout).toMatch(/^Mail \d+ {2}sent \(archived\)\n[\s\S]*\nArchived +20\d\d-\d\d-\d\d /)
  })

  it('ends with 1 where no mail has that id', async () => {
    expect(await fleet.json(['email', 'show', '77'])).toEqual({
      code: 1,
      document: { error: { code: 'MAIL_UNKNOWN', message: 'no mail has the id 77', hint: expect.any(String) } },
    })
  })
})
