import { randomUUID } from 'node:crypto'
import type { Config } from '../config/config.ts'
import { composeMessage } from '../email/compose.ts'
import { signMessage } from '../email/dkim.ts'
import { judge } from '../email/policy.ts'
import { createTransport } from '../email/transport.ts'
import { createOutbox } from '../notifications/channels/outbox.ts'
import { mailboxFolder, outboxFolder } from '../runtime/folders.ts'
import type { TelegramResult } from '../telegram/api.ts'
import type { AlertChannel } from './alert.ts'
import type { AlertText } from './alert-text.ts'

/** A way to the administrator that depends on no queue, no worker and no database. */
export interface Teller {
  readonly channel: AlertChannel
  /** Answers why the message was not taken; undefined where it was. Never rejects; ends within 20 seconds. */
  tell(text: AlertText): Promise<string | undefined>
}

const patienceMs = 20_000
const telegramLimits = { connectMs: 5_000, answerMs: 10_000, bodyBytes: 1024 * 1024 }

/**
 * The ways that are configured. Each message goes over a connection of its own: what is broken elsewhere does not matter. `signal` ends
 * what is under way.
 */
export function createTellers(config: Config, signal: AbortSignal): Teller[] {
  const { admin } = config
  const mail = admin.email === undefined ? undefined : mailTeller(config, admin.email, signal)
  const telegram = admin.telegramChatId === undefined ? undefined : telegramTeller(config, admin.telegramChatId, signal)
  return [mail, telegram].filter((teller) => teller !== undefined)
}

function mailTeller(config: Config, to: string, signal: AbortSignal): Teller | undefined {
  const { email, database } = config
  // On a database of somebody else's, mail does not go into a folder unless that was asked for.
  const url = email.smtpUrl ?? (database.url === undefined ? 'mailbox:' : undefined)
  if (url === undefined) return undefined
  return { channel: 'email', tell: (text) => mailTo(to, text, { url, email, signal }).catch(reasonOf) }
}

async function mailTo(
  to: string,
  { subject, text }: AlertText,
  { url, email, signal }: { url: string; email: Config['email']; signal: AbortSignal },
): Promise<string | undefined> {
  const { from, dkim } = email
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1)
  const composed = await composeMessage({
    ...{ from, to: [{ name: '', address: to }], cc: [], subject, text, html: null },
    ...{ messageId: `<alert.${randomUUID()}@${domain}>`, date: new Date() },
  })
  const message = dkim ? await signMessage(composed, dkim) : composed
  const transport = createTransport(url, { lanes: 1, mailbox: mailboxFolder })
  const envelope = { from: from.address, to: [to] }
  return whileOpen(transport, signal, async () => {
    const exchange = await transport.offer({ emailId: 0, subject, envelope, message }, async () => true)
    const { outcome } = judge(exchange, {})
    return outcome.kind === 'sent' ? undefined : outcome.reason
  })
}

function telegramTeller({ telegram }: Config, chatId: string, signal: AbortSignal): Teller | undefined {
  const { botToken: token, apiRoot } = telegram
  if (apiRoot === 'outbox:') return { channel: 'telegram', tell: (text) => writeOut(chatId, text).catch(reasonOf) }
  if (token === undefined) return undefined
  return {
    channel: 'telegram',
    tell: ({ html }) => telegramTo(chatId, html, { token, apiRoot, signal }).catch(reasonOf),
  }
}

async function writeOut(chatId: string, { subject, html }: AlertText): Promise<undefined> {
  const outbox = createOutbox({ directory: outboxFolder })
  await outbox.write({ notificationId: 0, title: subject, fields: { To: chatId }, text: html })
}

async function telegramTo(
  chatId: string,
  html: string,
  { signal, ...bot }: { token: string; apiRoot: string; signal: AbortSignal },
): Promise<string | undefined> {
  const { createTelegramApi } = await import('../telegram/api.ts')
  const api = createTelegramApi({ ...bot, limits: telegramLimits })
  const send = (chat_id: string): Promise<TelegramResult<unknown>> =>
    api.call((methods) =>
      methods.sendMessage({ chat_id, text: html, parse_mode: 'HTML', link_preview_options: { is_disabled: true } }),
    )
  return whileOpen(api, signal, async () => {
    const first = await send(chatId)
    const result = !first.ok && first.fault.migratedTo !== undefined ? await send(first.fault.migratedTo) : first
    return result.ok ? undefined : result.fault.description
  })
}

/** Closes it in the end, or as soon as nobody waits any longer. */
async function whileOpen<T>(way: { close(): void }, stopping: AbortSignal, work: () => Promise<T>): Promise<T> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(patienceMs)])
  const close = () => way.close()
  signal.addEventListener('abort', close)
  if (signal.aborted) close()
  try {
    return await work()
  } finally {
    signal.removeEventListener('abort', close)
    close()
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
