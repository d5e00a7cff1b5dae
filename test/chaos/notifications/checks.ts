import { type Kysely, sql } from 'kysely'
import type { DB } from '../../../src/db/schema.ts'
import { acceptances, ambiguousOf, type Evidence, name, type Row, type Violation } from '../evidence.ts'
import type { BotSink } from './sink.ts'

interface Facts {
  readonly id: number
  readonly type: string
  readonly chat: string | null
  readonly prio: number
  /** Rows of the mail queue that it has become. */
  readonly mails: number
}

/** What only notifications promise. */
export async function findOwnViolations(db: Kysely<DB>, sink: BotSink, evidence: Evidence): Promise<Violation[]> {
  const { rows: facts } = await sql<Facts>`
    SELECT id, type, recipient AS chat, prio,
           (SELECT count(*)::int FROM email_queue WHERE notification_id = n.id) AS mails
      FROM notifications AS n ORDER BY id`.execute(db)
  const found = {
    'an attempt leaves one part in doubt at most': evidence.rows.flatMap((row) => tooManyAgain(row, evidence)),
    'no message overtakes another of its chat and priority': [
      ...Map.groupBy(facts.filter(isTelegram), ({ chat, prio }) => `${chat}, priority ${prio}`),
    ].flatMap(([chat, inOrder]) => overtaking(inOrder, { chat, evidence, sink })),
    'no chat is written to twice at once': sink.crowded.map((chat) => `chat ${chat}`),
    'an e-mail notification becomes one mail': facts
      .filter(({ type, mails }) => mails !== (type === 'email' ? 1 : 0))
      .map(({ id, type, mails }) => `row ${id} of type ${type}: ${mails}`),
  }
  return Object.entries(found).flatMap(([check, texts]) => texts.map((text) => ({ check, evidence: text })))
}

function isTelegram({ type }: Facts): boolean {
  return type === 'telegram'
}

function tooManyAgain(row: Row, evidence: Evidence): string[] {
  const again = acceptances(row, evidence).reduce((sum, [, times]) => sum + times - 1, 0)
  const most = ambiguousOf(row, evidence)
  return again > most ? [`${name(row)}: ${again} parts came again, ambiguous ${most} times`] : []
}

interface Where {
  readonly chat: string
  readonly evidence: Evidence
  readonly sink: BotSink
}

/** Of messages of one chat and priority, in the order in which they were inserted. One that did not go out in the end may be overtaken. */
function overtaking(facts: readonly Facts[], { chat, evidence, sink }: Where): string[] {
  const ids = new Set(facts.map(({ id }) => id))
  const sent = evidence.rows.filter(({ id, status }) => ids.has(id) && status === 'sent')
  return sent.slice(1).flatMap((row, index) => {
    const before = sent[index]
    const last = Math.max(...(before?.pieces ?? []).map((piece) => sink.sequence.indexOf(piece)))
    const first = Math.min(...row.pieces.map((piece) => sink.sequence.indexOf(piece)))
    return before && first < last ? [`${name(row)} came before the end of ${name(before)} in chat ${chat}`] : []
  })
}
