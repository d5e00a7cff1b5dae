/**
 * Messages composed per second of processor time, ours and by nodemailer's MailComposer, 1.5 kB of text and 2 kB of HTML; medians of
 * rounds that take turns. Beside it, what a row costs from claim to message, by content and by template.
 *
 *   node bench/compose.ts [rounds] [messages]
 */
import process from 'node:process'
import MailComposer from 'nodemailer/lib/mail-composer'
import { composeMessage, type Draft } from '../src/email/compose.ts'
import { prepare } from '../src/email/prepare.ts'
import type { EmailRow } from '../src/email/store.ts'
import { quantile } from './support/quantiles.ts'

const rounds = Number(process.argv[2] ?? 9)
const messages = Number(process.argv[3] ?? 3_000)
const from = { name: 'Vertex AR', address: 'no-reply@vertexar.com' }
const date = new Date()
const settings = {
  from,
  maxBytes: 26_214_400,
  defaultLocale: 'ru',
  dkim: undefined,
  sandbox: { overrideTo: undefined, allowlist: undefined },
} as const

const english = {
  name: 'Ivan Petrov',
  subject: 'Your subscription ends in 7 days',
  line: 'The project stays on show until then. ',
}
const russian = {
  name: 'Иван Петров',
  subject: 'Подписка закончится через 7 дней',
  line: 'До этого дня проект показывается. ',
}

const subjects = {
  'ASCII: composeMessage': measurable(draftsIn(english), composeMessage),
  'ASCII: MailComposer': measurable(draftsIn(english), composeByNodemailer),
  'Cyrillic: composeMessage': measurable(draftsIn(russian), composeMessage),
  'Cyrillic: MailComposer': measurable(draftsIn(russian), composeByNodemailer),
  'ASCII: prepare': measurable(draftsIn(english).map(rowOf), prepareRow),
  'Cyrillic: prepare': measurable(draftsIn(russian).map(rowOf), prepareRow),
  'Cyrillic: prepare, template': measurable(draftsIn(russian).map(templateRowOf), prepareRow),
}

const micros = new Map(Object.keys(subjects).map((name): [string, number[]] => [name, []]))
for (let round = 0; round <= rounds; round += 1) {
  for (const [name, run] of Object.entries(subjects)) {
    const taken = await run()
    // The first round warms up.
    if (round > 0) micros.get(name)?.push(taken)
  }
}
console.log(`Node.js ${process.version}, medians of ${rounds} rounds of ${messages} messages`)
console.table(
  Object.fromEntries(
    [...micros].map(([name, taken]) => [
      name,
      {
        'messages/s': Math.round(1e6 / quantile(taken, 0.5)),
        'µs each': quantile(taken, 0.5).toFixed(1),
        fastest: Math.min(...taken).toFixed(1),
        slowest: Math.max(...taken).toFixed(1),
      },
    ]),
  ),
)

/** Microseconds of processor time that one message takes. */
function measurable<T>(inputs: readonly T[], run: (input: T) => unknown): () => Promise<number> {
  return async () => {
    const before = process.cpuUsage()
    for (const input of inputs) {
      const result = run(input)
      if (result instanceof Promise) await result
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / inputs.length
  }
}

/** All different, so that no engine's cache of strings is measured. */
function draftsIn(language: typeof english): Draft[] {
  return Array.from({ length: messages }, (_, n) => draftOf(language, n))
}

function draftOf({ name, subject, line }: typeof english, n: number): Draft {
  const text = fill(`${n}. `, `${line}\n`, 1_500)
  const html = fill(`<p style="margin:0">${n}`, `<p style="margin:0 0 20px">${line}</p>\n`, 2_000)
  const to = [{ name: `${name} ${n}`, address: `user${n}@example.com` }]
  return { from, to, cc: [], subject: `${subject} (${n})`, text, html, messageId: `<${n}.61f0@vertexar.com>`, date }
}

/** As flat in memory as a text from the database. */
function fill(beginning: string, line: string, octets: number): string {
  const times = Math.round(octets / Buffer.byteLength(line))
  return Buffer.from(beginning + line.repeat(times)).toString()
}

function composeByNodemailer({ to, cc, ...rest }: Draft): Promise<Buffer> {
  return new MailComposer({ ...rest, to: [...to], cc: [...cc], html: rest.html ?? '' }).compile().build()
}

function prepareRow(row: EmailRow): unknown {
  return prepare(row, settings, date)
}

function templateRowOf(draft: Draft): EmailRow {
  const variables = {
    entity_type: 'project',
    entity_name: `Музей ${draft.messageId}`,
    company_name: 'ООО «Ромашка»',
    ends_at: '2026-12-23T15:00:00Z',
    days_left: 7,
    auto_renew: false,
    renew_url: 'https://vertexar.com/renew',
  }
  return { ...rowOf(draft), template_id: 'subscription_expiring_7d', variables }
}

function rowOf({ to, subject, text, html, messageId }: Draft): EmailRow {
  return {
    id: 1,
    token: '1',
    attempt: 1,
    max_attempts: 5,
    prio: 5,
    due: 0,
    waited_ms: 0,
    holds_ambiguous: false,
    recipient_to: to.map(({ name, address }) => `${name} <${address}>`).join(', '),
    recipient_cc: null,
    recipient_bcc: null,
    subject,
    body: text,
    html,
    template_id: null,
    variables: {},
    message_id: messageId,
    recipients: null,
  }
}
