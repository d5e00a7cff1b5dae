import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'

/** What a letter says, for all contestants alike; `{n}` stands for its number. */
interface Letter {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export interface Mail extends Letter {
  readonly from: string
  readonly to: string
}

/** Odd numbers are ASCII, even ones Cyrillic: 1.5 kB of text and 2 kB of HTML each, in UTF-8. */
const letters: readonly [Letter, Letter] = [
  { subject: 'Подписка проекта {n} заканчивается через семь дней', text: read('ru.txt'), html: read('ru.html') },
  { subject: 'The subscription of project {n} ends in seven days', text: read('en.txt'), html: read('en.html') },
]

const from = 'Vertex AR <no-reply@vertex.example>'

/** The n-th mail, as a program without a queue has it. */
export function mailOf(n: number): Mail {
  const letter = letters[n % 2 === 0 ? 0 : 1]
  const fill = (template: string) => template.replaceAll('{n}', String(n))
  return {
    from,
    to: `user${n}@example${n % 50}.com`,
    subject: fill(letter.subject),
    text: fill(letter.text),
    html: fill(letter.html),
  }
}

/** The same mails as `mailOf` makes of 1 to `count`, as rows of `email_queue`. */
export async function insertMails(client: pg.Pool | pg.ClientBase, count: number, first = 1): Promise<void> {
  const [even, odd] = letters
  await client.query(
    `INSERT INTO email_queue (recipient_to, subject, body, html)
     SELECT format('user%s@example%s.com', n, n % 50),
            replace(CASE WHEN n % 2 = 0 THEN $3 ELSE $4 END, '{n}', n::text),
            replace(CASE WHEN n % 2 = 0 THEN $5 ELSE $6 END, '{n}', n::text),
            replace(CASE WHEN n % 2 = 0 THEN $7 ELSE $8 END, '{n}', n::text)
       FROM generate_series($1::int, $2::int) n`,
    [first, first + count - 1, even.subject, odd.subject, even.text, odd.text, even.html, odd.html],
  )
}

function read(name: string): string {
  return readFileSync(join(import.meta.dirname, `letter.${name}`), 'utf8')
}
