import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { listAlerts, markTold } from '../../src/alerts/alert-store.ts'
import { look } from '../../src/alerts/look.ts'
import { lookOptions } from '../../src/alerts/looker.ts'
import { loadConfig } from '../../src/config/config.ts'
import { startBotApiServer } from '../support/bot-api-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { type SmtpScript, startSmtpServer } from '../support/smtp-server.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  await database.pool.query(`
    CREATE TABLE public.clock (now timestamp);
    INSERT INTO public.clock VALUES ('2026-03-02 03:00');
    CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE AS 'SELECT now FROM public.clock';
    INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, connections, shutdown_seconds)
    SELECT name || '@a:1', name, 'a', 1, '1', '1', now(), 1, 1 FROM unnest('{email,notifications,lifecycle}'::text[]) AS name`)
})
afterAll(() => database.drop())
beforeEach(() =>
  database.pool.query(`
    TRUNCATE fleet.alerts, fleet.alert_samples, fleet.alert_watch, email_queue;
    UPDATE fleet.workers SET heartbeat_at = now() + interval '1 day', outage_since = NULL, outage_reason = NULL`),
)

const log = pino({ level: 'silent' })
const signal = new AbortController().signal

/** The administrator with a mail server and a bot, and looks at the pace of the test. */
async function setScene({ smtp: script, env: more = {} }: { smtp?: SmtpScript; env?: Record<string, string> } = {}) {
  const smtp = await startSmtpServer(script)
  const bot = await startBotApiServer()
  onTestFinished(async () => {
    await smtp.stop()
    await bot.stop()
  })
  const env = {
    ...{ DATABASE_URL: database.url, SMTP_URL: smtp.url, DEFAULT_LOCALE: 'en', FLEET_ENVIRONMENT: 'production' },
    ...{ ADMIN_EMAIL: 'admin@example.org', ADMIN_TELEGRAM_CHAT_ID: '-100500' },
    ...{ TELEGRAM_BOT_TOKEN: bot.token, TELEGRAM_API_ROOT: bot.apiRoot },
    ...more,
  }
  const config = loadConfig({ env, root: '/nowhere' })
  const lookNow = (by = 'email@a:1', leastSeconds = 0) =>
    look(lookOptions({ database, config, owner: by, leastSeconds, signal, log }))
  return {
    smtp,
    bot,
    lookNow,
    async lookAfter(seconds: number) {
      await database.pool.query(`UPDATE public.clock SET now = now + $1::int * interval '1 second'`, [seconds])
      await lookNow()
    },
    subjects: () => smtp.mails.map((mail) => mail.header('subject')),
    messages: () => bot.taken.map(({ payload }) => String(payload.text).split('\n')[0]),
  }
}

/** The email workers meet a mail server that takes nothing. */
async function setOutage(reason: string | null) {
  await database.pool.query(
    `UPDATE fleet.workers SET outage_since = CASE WHEN $1::text IS NOT NULL THEN now() END, outage_reason = $1 WHERE name = 'email'`,
    [reason],
  )
}

const begun = '[production] The mail server takes nothing'
const over = '[production] Over: The mail server takes nothing'

it('tells both channels when it has lasted, again after the cooldown, and once that it is over', async () => {
  const scene = await setScene()
  await setOutage('421 later')
  await scene.lookNow()
  expect(scene.subjects()).toEqual([])
  await scene.lookAfter(60)
  await scene.lookAfter(30)
  expect(scene.subjects()).toEqual([begun])
  expect(scene.messages()).toEqual([`<b>${begun}</b>`])
  await scene.lookAfter(270)
  await scene.lookAfter(30)
  expect(scene.subjects()).toEqual([begun, begun])
  await setOutage(null)
  await scene.lookAfter(30)
  await scene.lookAfter(60)
  await scene.lookAfter(3_600)
  expect(scene.subjects()).toEqual([begun, begun, over])
  expect(scene.messages()).toEqual([begun, begun, over].map((text) => `<b>${text}</b>`))
  expect(scene.bot.taken[0]?.payload).toMatchObject({ chat_id: '-100500', parse_mode: 'HTML' })
  expect(scene.smtp.mails[0]?.to).toEqual(['admin@example.org'])
  expect(scene.smtp.mails[0]?.header('auto-submitted')).toBe('auto-generated')
})

it('Telegram tells that the mail server is out, and the mail server tells when it is back', async () => {
  let answer: string | undefined = '451 4.3.0 not now'
  const scene = await setScene({ smtp: { mail: () => answer } })
  await setOutage('451 4.3.0 not now')
  await scene.lookNow()
  await scene.lookAfter(60)
  await scene.lookAfter(30)
  expect(scene.messages()).toEqual([`<b>${begun}</b>`])
  expect(scene.subjects()).toEqual([])
  answer = undefined
  await scene.lookAfter(30)
  expect(scene.subjects()).toEqual([begun])
  expect(scene.messages()).toHaveLength(1)
})

it('nothing is lost while neither channel takes anything', async () => {
  let answer: string | undefined = '451 4.3.0 not now'
  const scene = await setScene({ smtp: { mail: () => answer } })
  scene.bot.follow(() => ({ status: 502, body: '<html>Bad Gateway</html>' }))
  await setOutage('451 4.3.0 not now')
  await scene.lookNow()
  await scene.lookAfter(60)
  await setOutage(null)
  await scene.lookAfter(30)
  await scene.lookAfter(60)
  expect([scene.subjects(), scene.messages()]).toEqual([[], []])
  answer = undefined
  scene.bot.follow()
  await scene.lookAfter(3_600)
  await scene.lookAfter(30)
  expect(scene.subjects()).toEqual([over])
  expect(scene.messages()).toEqual([`<b>${over}</b>`])
})

it('each channel is told by a worker that has it, whoever looks', async () => {
  const whole = await setScene()
  const { lookNow } = await setScene({ env: { TELEGRAM_BOT_TOKEN: '', SMTP_URL: 'smtp://127.0.0.1:1' } })
  await setOutage('421 later')
  await lookNow('lifecycle@a:1')
  await database.pool.query(`UPDATE public.clock SET now = now + interval '60 seconds'`)
  expect(await lookNow('lifecycle@a:1')).toBe(true)
  expect([whole.subjects(), whole.messages()]).toEqual([[], []])
  expect(await whole.lookNow('email@a:1', 25)).toBe(false)
  expect([whole.subjects(), whole.messages()]).toEqual([[begun], [`<b>${begun}</b>`]])
})

it('two that look at once tell once', async () => {
  const scene = await setScene()
  await setOutage('421 later')
  await scene.lookNow()
  await database.pool.query(`UPDATE public.clock SET now = now + interval '60 seconds'`)
  await Promise.all([scene.lookNow('email@a:1'), scene.lookNow('email@b:1'), scene.lookNow('lifecycle@b:2')])
  expect(scene.subjects()).toEqual([begun])
  expect(scene.messages()).toHaveLength(1)
})

it('is told again by the next one where who looked died before it was written down', async () => {
  const scene = await setScene()
  await setOutage('421 later')
  await scene.lookNow()
  await scene.lookAfter(60)
  const [alert] = await listAlerts(database.db)
  await database.pool.query(`UPDATE fleet.alerts SET told = '{}'`)
  await database.pool.query(`UPDATE fleet.alert_watch SET leased_until = now() + interval '10 seconds'`)
  expect(await scene.lookNow('lifecycle@a:1')).toBe(false)
  await database.pool.query(`UPDATE fleet.alert_watch SET leased_until = now()`)
  await scene.lookNow('lifecycle@a:1')
  expect(scene.subjects()).toEqual([begun, begun])
  expect(alert).toMatchObject({ told: { email: { times: 1, over: false }, telegram: { times: 1 } } })
})

it('what is told is kept by channel', async () => {
  const scene = await setScene()
  await setOutage('x')
  await scene.lookNow()
  const [{ id = '' } = {}] = await listAlerts(database.db)
  const at = new Date('2026-03-02T03:00:00Z')
  await markTold(database.db, id, 'email', { at, times: 2, over: false })
  await markTold(database.db, id, 'telegram', { at, times: 1, over: true })
  expect(await listAlerts(database.db)).toMatchObject([
    { told: { email: { at, times: 2, over: false }, telegram: { at, times: 1, over: true } } },
  ])
})

it('sees backlogs, failures, growth and full hosts in the tables', async () => {
  const scene = await setScene()
  await database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body) SELECT 'a@example.org', 's', 'b' FROM generate_series(1, 150);
    INSERT INTO notifications (type, message) VALUES ('email', 'm'), ('telegram', 'm'), ('telegram', 'm');
    INSERT INTO fleet.outcome_counts (minute, queue, outcome, error_class, count)
    SELECT date_trunc('minute', now), 'email', outcome, '', n
      FROM public.clock, (VALUES ('sent', 10), ('hard_failure', 10), ('outage', 500)) AS v (outcome, n);
    INSERT INTO fleet.alert_samples SELECT 'due email', now - m * interval '1 minute', 60 - m FROM public.clock, unnest('{31,20,10}'::int[]) AS m;
    INSERT INTO fleet.alert_samples SELECT 'host a disk', now, 0.97 FROM public.clock`)
  await database.pool.query(
    `UPDATE email_queue SET due_at = fleet.utc_now() AT TIME ZONE 'UTC' - interval '20 minutes'`,
  )
  await database.pool.query(
    `UPDATE notifications SET due_at = fleet.utc_now() AT TIME ZONE 'UTC' - interval '20 minutes'`,
  )
  await scene.lookNow()
  const found = (await listAlerts(database.db)).map(({ kind, subject, detail }) => [kind, subject, detail])
  expect(found).toHaveLength(6)
  expect(found).toEqual(
    expect.arrayContaining([
      ['backlog-too-old', 'email', { due: 150, minutes: 20 }],
      ['backlog-too-old', 'notifications', { due: 1, minutes: 20 }],
      ['backlog-too-old', 'telegram', { due: 2, minutes: 20 }],
      ['failure-share-too-high', 'email', { failed: 10, attempts: 20, percent: 50 }],
      ['queue-growth', 'email', { due: 150, before: 29 }],
      ['disk-growth', 'a', { percent: 97 }],
    ]),
  )
  await database.pool.query(
    `INSERT INTO fleet.pauses (queue, reason, paused_by) VALUES ('email', 'r', 'me'), ('notifications', 'r', 'me')`,
  )
  onTestFinished(() => void database.pool.query('TRUNCATE fleet.pauses, notifications, fleet.outcome_counts'))
  await scene.lookNow()
  const kinds = (await listAlerts(database.db)).map(({ kind }) => kind).sort()
  expect(kinds).toEqual(['disk-growth', 'failure-share-too-high'])
})

it('takes what a pause has kept for no growth when it is resumed', async () => {
  const scene = await setScene()
  const growths = async () => (await listAlerts(database.db)).filter(({ kind }) => kind === 'queue-growth')
  await database.pool.query(`
    INSERT INTO email_queue (recipient_to, subject, body) SELECT 'a@example.org', 's', 'b' FROM generate_series(1, 150);
    INSERT INTO fleet.pauses (queue, reason, paused_by) VALUES ('email', 'r', 'me')`)
  for (const minutes of [0, 10, 10, 10]) await scene.lookAfter(minutes * 60)
  await database.pool.query(`TRUNCATE fleet.pauses; DELETE FROM email_queue WHERE id % 10 = 0`)
  await scene.lookAfter(60)
  expect(await growths()).toEqual([])
})
