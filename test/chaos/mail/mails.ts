import { type Kysely, sql } from 'kysely'
import type { DB } from '../../../src/db/schema.ts'
import type { Produce } from '../queue.ts'
import type { Random } from '../random.ts'

interface NewMail {
  readonly recipient_to: string
  readonly recipient_cc: string | null
  readonly recipient_bcc: string | null
  readonly body: string
  readonly priority: number
  readonly when_ambiguous: 'hold' | null
}

const domains = 7
const usualBytes = 1_500
/** More than a connection takes at once. */
const largeBytes = 300_000

/** Mails of any priority, some to several recipients. */
export function mailProducer(db: Kysely<DB>, random: Random): Produce {
  let made = 0
  return (count) => {
    const mails = Array.from({ length: count }, () => {
      made += 1
      return makeMail(random, made)
    })
    return insertMails(db, mails)
  }
}

async function insertMails(db: Kysely<DB>, mails: readonly NewMail[]): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    INSERT INTO email_queue (recipient_to, recipient_cc, recipient_bcc, subject, body, priority, max_attempts, when_ambiguous)
    SELECT m.recipient_to, m.recipient_cc, m.recipient_bcc, 'Chaos', m.body, m.priority, 50, m.when_ambiguous
      FROM jsonb_to_recordset(${JSON.stringify(mails)}::jsonb)
           AS m(recipient_to text, recipient_cc text, recipient_bcc text, body text, priority int, when_ambiguous text)
 RETURNING id`.execute(db)
  return rows.map(({ id }) => id)
}

/** Every address is of one mail alone. `defer…` is refused once, for now: then the others' acceptance has to be remembered. */
function makeMail(random: Random, number: number): NewMail {
  const at = `${number}@d${random.int(1, domains)}.example`
  const several = random.chance(0.2)
  return {
    recipient_to: `to${at}`,
    recipient_cc: several ? `cc${at}` : null,
    recipient_bcc: several ? `${random.chance(0.5) ? 'defer' : 'bcc'}${at}` : null,
    body: 'Chaos\n'.repeat((random.chance(0.02) ? largeBytes : usualBytes) / 6),
    priority: random.int(1, 10),
    when_ambiguous: random.chance(0.08) ? 'hold' : null,
  }
}
