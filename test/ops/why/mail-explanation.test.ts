import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { explainMail, type MailState, mailStates } from '../../../src/ops/why/mail-explanation.ts'
import { readMailFacts } from '../../../src/ops/why/mail-facts.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createTestWorker } from '../../support/email-worker.ts'
import { type SmtpScript, startSmtpServer } from '../../support/smtp-server.ts'
import { plansOf } from '../plans.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query(`
    TRUNCATE email_queue, notifications, fleet.email_attempts, fleet.email_handovers, fleet.email_archive, fleet.workers, fleet.pauses, fleet.replays, fleet.replay_items, audit_log RESTART IDENTITY`),
)

const alive = (columns = '', values = '') => `
  INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, connections, shutdown_seconds${columns})
  VALUES ('email@a:1', 'email', 'a', 1, '0', '0', now(), 5, 15${values});`
const mail = (columns = '', values = '') =>
  `INSERT INTO email_queue (recipient_to, subject, body${columns}) VALUES ('anna@example.org', 's', 'b'${values});`

async function why(id = 1) {
  const facts = await readMailFacts(database.db, id)
  if (facts === undefined) throw new Error('no such mail')
  return explainMail(facts)
}

const seen = new Set<MailState>()
async function expectWhy(state: MailState, sentence: RegExp, remedy?: RegExp) {
  const explanation = await why()
  expect(explanation).toMatchObject({ state, sentence: expect.stringMatching(sentence) })
  if (remedy === undefined) expect(explanation.remedy).toBeNull()
  else expect(explanation.remedy).toMatch(remedy)
  seen.add(state)
  return explanation
}

describe('a mail, by what is written about it', () => {
  it.each<[MailState, string, RegExp, RegExp?]>([
    [
      'scheduled',
      alive() + mail(', scheduled_at', `, fleet.utc_now() + interval '12 minutes 5 seconds'`),
      /^Waiting: scheduled for .*\d\d:\d\d:\d\d UTC \(in 12 min\)\.$/,
    ],
    ['no_worker', mail(), /^Waiting: due since .*, but no worker for email is alive\.$/, /^start one/],
    [
      'no_worker',
      `${alive()}UPDATE fleet.workers SET heartbeat_at = now() - interval '1 hour';${mail()}`,
      /no worker for email is alive \(email@a:1 was last heard of at .* ago\)\)\.$/,
      /^start one/,
    ],
    [
      'paused',
      `${alive()}INSERT INTO fleet.pauses (queue, reason, paused_by, until) VALUES ('email', 'wrong template', 'ann@host', now() + interval '2 hours 1 minute');${mail()}`,
      /but email is paused since .*, until .* \(in 2 h\), by ann@host: wrong template\.$/,
      /^fleet queue resume email$/,
    ],
    [
      'blocked',
      alive(', blocked', `, 'not the database that it is stamped as'`) + mail(),
      /but no worker may send: not the database/,
      /^fleet adopt-database/,
    ],
    [
      'outage',
      alive(', outage_since, outage_reason', `, now() - interval '5 minutes', '421 4.3.2 later'`) + mail(),
      /but the next system takes nothing since .*: 421 4\.3\.2 later\.$/,
      /goes on by itself/,
    ],
    ['next', alive() + mail(), /it is the next one that is taken\.$/],
    [
      'behind',
      `${alive()}${mail(', priority', ', 7')}${mail(', priority', ', 5')}${mail(', priority', ', 7')}${mail(', priority, scheduled_at', `, 7, '2020-01-01'`)}`,
      /behind 2 that are more urgent or have waited longer\.$/,
    ],
    [
      'stranded',
      `${mail()}UPDATE email_queue SET status = 'sending', claimed_by = 'email@gone:9', leased_until = now() - interval '1 minute', claim_token = 7;
       INSERT INTO fleet.email_handovers VALUES (7, now())`,
      /^In the hands of email@gone:9, whose lease ran out at .*: that worker is dead.*; a server may have it since /,
      /fleet status/,
    ],
    [
      'expired',
      `${mail(', not_after', `, fleet.utc_now() - interval '1 minute'`)}UPDATE email_queue SET status = 'expired'`,
      /^Expired at .*: it was not to go out after .*\.$/,
    ],
    [
      'cancelled',
      `${mail()}UPDATE email_queue SET status = 'cancelled'`,
      /^Cancelled at .* by a program\.$/,
      /fleet email replay --id 1$/,
    ],
    [
      'held',
      `${mail()}UPDATE email_queue SET status = 'held', error_class = 'worker_died'`,
      /^Held for somebody to decide: three workers died/,
      /release --id 1, or/,
    ],
    [
      'held',
      `${mail()}UPDATE email_queue SET status = 'held', error_class = 'may_have_gone_out'`,
      /taken back to an earlier time/,
      /release --id 1, or/,
    ],
    [
      'foreign',
      `${mail()}UPDATE email_queue SET status = 'bounced'`,
      /^Left alone: its status is "bounced"/,
      /^UPDATE email_queue/,
    ],
  ])('is %s', async (state, setUp, sentence, remedy) => {
    await database.pool.query(setUp)
    await expectWhy(state, sentence, remedy)
  })

  it('tells who cancelled many at once, by the moment of it', async () => {
    await database.pool.query(mail())
    await database.pool.query(`
      BEGIN;
      UPDATE email_queue SET status = 'cancelled';
      INSERT INTO audit_log (entity_type, entity_id, action, actor_email, created_at)
      VALUES ('email_queue', 0, 'cancel', 'ann@host', fleet.utc_now());
      COMMIT`)
    await database.pool.query(`
      INSERT INTO audit_log (entity_type, entity_id, action, actor_email, created_at)
      VALUES ('email_queue', 0, 'cancel', 'bob@host', fleet.utc_now())`)
    await expectWhy('cancelled', /^Cancelled at .* by ann@host\.$/, /replay/)
  })
})

it('a mail that was cancelled with the notification that it carries says so', async () => {
  await database.pool.query(`
    INSERT INTO notifications (id, type, company_id, message, status) VALUES (70, 'email', 1, 'm', 'sending');
    ${mail(', notification_id', ', 70')}`)
  await database.pool.query(`UPDATE notifications SET status = 'cancelled' WHERE id = 70`)
  const { evidence } = await expectWhy(
    'cancelled',
    /^Cancelled at .* together with notification 70, which it carries\.$/,
    /^fleet notification why 70$/,
  )
  expect(evidence.map(({ text }) => text)).toEqual(['queued for notification 70'])
})

describe('a mail of a replay', () => {
  const replay = (state: string, item: string) => `
    INSERT INTO fleet.replays (state, actor, filter, fingerprint, keeps_attempts, includes_sent, created_at, reason, size)
    VALUES ('${state}', 'ann@host', '{}', 'f', false, false, now(), 'server mended', 1);
    INSERT INTO fleet.replay_items (replay_id, ordinal, email_id, status, is_archived, state) VALUES (1, 1, 1, 'failed', false, '${item}')`

  it('that is being stopped is not sent', async () => {
    await database.pool.query(alive() + mail() + replay('stopping', 'replayed'))
    await expectWhy(
      'taken_back',
      /^Not sent: replay 1, which put it back into the queue, is being stopped/,
      /^fleet replay show 1$/,
    )
    const smtp = await startSmtpServer()
    onTestFinished(() => smtp.stop())
    const worker = createTestWorker(database, { smtpUrl: smtp.url })
    await worker.drain.run()
    await worker.stop()
    expect(smtp.mails).toEqual([])
  })

  it('that goes on is not to be replayed by hand, and the evidence names it', async () => {
    await database.pool.query(
      `${mail()}UPDATE email_queue SET status = 'failed', last_error = 'x';${replay('running', 'waiting')}`,
    )
    const { evidence } = await expectWhy('failed', /^Failed at /, /^none is needed: it waits for its turn in replay 1;/)
    expect(evidence.map(({ text }) => text)).toContain('waiting in replay 1 by ann@host: server mended')
  })
})

it.each([
  ['pending', 'scheduled_at', 'infinity', /^Waiting: scheduled for infinity\.$/],
  ['expired', 'not_after', '-infinity', /it was not to go out after -infinity\.$/],
  ['sending', 'leased_until', 'infinity', /^Being sent by a worker, under a lease until infinity\.$/],
])('a mail that is %s with a %s of %s is explained, too', async (status, column, time, sentence) => {
  await database.pool.query(`${mail()}UPDATE email_queue SET status = '${status}', ${column} = '${time}'`)
  expect((await why()).sentence).toMatch(sentence)
})

it('what goes before a mail is counted by the index', async () => {
  await database.pool.query(`
    ${alive()}INSERT INTO email_queue (recipient_to, subject, body, priority) SELECT 'a@x.org', 's', 'b', 5 FROM generate_series(1, 20000);
    ${mail(', priority', ', 1')}`)
  await database.pool.query('VACUUM ANALYZE email_queue')
  const plans = await plansOf(database.url, (db) => readMailFacts(db, 20_001), /AS ahead/)
  expect(plans).toHaveLength(1)
  for (const { text, pages } of plans) {
    expect(text).not.toMatch(/Seq Scan on (public\.)?email_queue/)
    expect(pages, text).toBeLessThan(100)
  }
})

describe('a mail, by what a worker has done with it', () => {
  async function deliver(script: SmtpScript, row: string, holdAmbiguous: readonly string[] | 'all' = []) {
    const smtp = await startSmtpServer(script)
    onTestFinished(() => smtp.stop())
    await database.pool.query(row)
    const worker = createTestWorker(database, { smtpUrl: smtp.url, holdAmbiguous })
    await worker.drain.run()
    await worker.stop()
    return smtp
  }

  it('is sent, as what, to whom, with which answer; archived as well', async () => {
    const smtp = await deliver({}, mail())
    const sentence = new RegExp(
      `^Sent at .* as <1\\..*@vertex\\.example> to 127\\.0\\.0\\.1:${smtp.port}, which answered: 250 .*\\.$`,
    )
    await expectWhy('sent', sentence)
    await database.pool.query(`
      INSERT INTO fleet.email_archive (id, recipient_to, subject, body, status, sent_at, ended_at, message_id, enqueued_at, due_at, prio, rescues, attempts)
      SELECT id, recipient_to, subject, body, status, sent_at, updated_at, message_id, enqueued_at, due_at, prio, rescues, attempts FROM email_queue;
      TRUNCATE email_queue`)
    await expectWhy('sent', sentence)
  })

  it('is to be tried again: when, and what happened', async () => {
    await deliver({ recipient: () => '450 4.2.1 mailbox busy' }, mail())
    const { evidence } = await expectWhy(
      'to_be_tried_again',
      /^Waiting: due at .* \(in [12] min\), attempt 2 of 3; the first failed at .*: 450 4\.2\.1 mailbox busy \(mailbox_unavailable\)\.$/,
    )
    expect(evidence.map(({ text }) => text)).toEqual([
      'queued',
      'the first by test: soft_failure: 450 4.2.1 mailbox busy (mailbox_unavailable)',
    ])
  })

  it('is to be tried again now: what happened is said as well', async () => {
    await deliver({ recipient: () => '450 4.2.1 mailbox busy' }, mail())
    await database.pool.query(`${alive()}UPDATE email_queue SET due_at = now() - interval '1 minute'`)
    await expectWhy(
      'next',
      /^Waiting: due since .*; it is the next one that is taken; attempt 2 of 3; the first failed at .*: 450 4\.2\.1 mailbox busy/,
    )
  })

  it('is to be tried again for those who do not have it yet', async () => {
    await deliver(
      { recipient: (address) => (address.startsWith('a') ? undefined : '450 4.2.1 mailbox busy') },
      `INSERT INTO email_queue (recipient_to, subject, body) VALUES ('anna@example.org, b@example.org, c@example.org', 's', 'b')`,
    )
    await expectWhy('to_be_tried_again', /; 1 of 3 recipients has it, and b@example\.org and 1 more do not yet\.$/)
  })

  it('was put off by an outage, which counts as no attempt', async () => {
    await deliver({ mail: () => '450 4.3.2 not now' }, mail())
    await database.pool.query(`UPDATE email_queue SET due_at = now() + interval '1 minute'`)
    await expectWhy(
      'to_be_tried_again',
      /^Waiting: due at .*, attempt 1 of 3; it was put off at .*, which counts as no attempt: 450 4\.3\.2 not now/,
    )
  })

  it('has failed: when, after how many attempts, why', async () => {
    await deliver({ recipient: () => '550 5.1.1 no such user' }, mail())
    await expectWhy(
      'failed',
      /^Failed at .* after 1 attempt, recipient_unknown: .*550 5\.1\.1 no such user.*\.$/,
      /replay --id 1$/,
    )
  })

  it('has failed for some of its recipients', async () => {
    await deliver(
      { recipient: (address) => (address.startsWith('b') ? '550 5.1.1 no such user' : undefined) },
      `INSERT INTO email_queue (recipient_to, subject, body) VALUES ('anna@example.org, b@example.org, c@example.org', 's', 'b')`,
    )
    await expectWhy(
      'partly_failed',
      /^Failed at .* for 1 of 3 recipients \(b@example\.org: .*no such user.*\); the others have it/,
      /replay/,
    )
  })

  it('is being sent', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const smtp = await startSmtpServer({ message: () => promise })
    onTestFinished(() => smtp.stop())
    await database.pool.query(mail())
    const worker = createTestWorker(database, { smtpUrl: smtp.url })
    const pass = worker.drain.run()
    await expect.poll(async () => (await why()).sentence).toMatch(/server may have it/)
    await expectWhy(
      'sending',
      /^Being sent by test since .* \(.*\), under a lease until .* \(in \d+ s\); a server may have it since .*\.$/,
    )
    resolve(undefined)
    await pass
    await worker.stop()
  })

  it('is held, since its answer was lost', async () => {
    await deliver({ message: () => new Promise(() => {}), options: { socketTimeout: 200 } }, mail(), 'all')
    await expectWhy('held', /handed over and the answer never came/, /release/)
  })
})

it('every state has been met', () => expect([...seen].sort()).toEqual([...mailStates].sort()))

it('an unknown id is none', async () => expect(await readMailFacts(database.db, 99)).toBeUndefined())
