import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { errorClasses } from '../../src/email/error-class.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTestWorker } from '../support/email-worker.ts'
import { startSmtpServer } from '../support/smtp-server.ts'

const root = join(import.meta.dirname, '../..')
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'src/email/templates/README.md', ...markdownIn('docs')]

function markdownIn(folder: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return names.filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
}

function read(page: string): string {
  return readFileSync(join(root, page), 'utf8')
}

function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\``, 'gm'))].map(
    ([, code]) => code ?? '',
  )
}

describe('the documentation', () => {
  it.each(pages)('%s links to files that exist', (page) => {
    const targets = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target]) => target ?? '')
    for (const target of targets) expect(() => readdirOrRead(join(root, dirname(page), target)), target).not.toThrow()
  })

  it('lists every error class with its meaning', () => {
    const rows = [...read('docs/email-queue.md').matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, name, words]) => [
      name,
      words,
    ])
    const listed = rows.filter(([name]) => name !== undefined && name in errorClasses)
    expect(Object.fromEntries(listed)).toEqual(errorClasses)
  })

  it('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const named = pages.flatMap((page) => [...read(page).matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? ''))
    expect(named.length).toBeGreaterThan(0)
    for (const name of named) expect(scripts).toHaveProperty([name])
  })

  it('names scripts of bench/ that exist', () => {
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/node (bench\/[\w-]+\.ts)/g)].map(([, name]) => name ?? ''),
    )
    expect(named.length).toBeGreaterThan(0)
    for (const name of named) expect(() => read(name)).not.toThrow()
  })
})

function readdirOrRead(path: string): unknown {
  try {
    return readFileSync(path)
  } catch {
    return readdirSync(path)
  }
}

describe('the SQL in the documentation', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())
  beforeEach(() =>
    sql`TRUNCATE email_queue, fleet.email_attempts, fleet.email_handovers RESTART IDENTITY`.execute(database.db),
  )

  const statements = [
    'README.md',
    'docs/email-queue.md',
    'docs/runbooks/disk-growth.md',
    'src/email/templates/README.md',
  ].flatMap((page) =>
    blocks(page, 'sql').flatMap((block) =>
      block
        .split(/;\s*\n/)
        .filter((statement) => statement.trim() !== '' && !/\bnotifications\b/.test(statement))
        .map((statement) => ({ page, statement })),
    ),
  )
  const inserts = statements.filter(({ statement }) => statement.trimStart().startsWith('INSERT'))
  const updates = statements.filter(({ statement }) => statement.trimStart().startsWith('UPDATE'))

  const selects = statements.filter(({ statement }) => statement.trimStart().startsWith('SELECT'))

  it('has examples of sending, replaying, releasing, cancelling, and of reading the ledger', () => {
    expect(inserts.length).toBeGreaterThanOrEqual(4)
    expect(updates.length).toBe(3)
    expect(selects.length).toBe(6)
    expect(inserts.length + updates.length + selects.length).toBe(statements.length)
  })

  it.each(inserts)('sends a mail: $page', async ({ statement }) => {
    const server = await startSmtpServer()
    const worker = createTestWorker(database, { smtpUrl: server.url })
    await database.pool.query(statement)
    // An example may be scheduled or limited in time; what counts is that the row is whole.
    await sql`UPDATE email_queue SET scheduled_at = NULL, not_after = NULL`.execute(database.db)
    await worker.drain.run()
    await expect.poll(() => server.mails.length).toBe(1)
    await worker.stop()
    await server.stop()
  })

  it.each(updates)('changes rows: $statement', async ({ statement }) => {
    await sql`
      INSERT INTO email_queue (recipient_to, subject, body, status, error_class, template_id)
      VALUES ('a@example.com', 's', 'b', 'failed', 'login_refused', NULL),
             ('a@example.com', 's', 'b', 'held', 'answer_lost', NULL),
             ('a@example.com', 's', 'b', 'pending', NULL, 'subscription_expired')`.execute(database.db)
    expect((await database.pool.query(statement)).rowCount).toBe(1)
  })

  it.each(selects)('reads the ledger, with the rights of who may only read: $statement', async ({ statement }) => {
    await database.pool.query(`
      INSERT INTO email_queue (id, recipient_to, subject, body, status, claim_token, claimed_by)
      VALUES (42, 'a@example.com', 's', 'b', 'sending', 3, 'worker@host');
      INSERT INTO fleet.email_handovers (token) VALUES (3);
      INSERT INTO fleet.email_attempts (email_id, attempt, token, outcome, error_class, smtp_code, transport, duration_ms)
      VALUES (42, 1, 1, 'ambiguous', 'worker_died', NULL, NULL, NULL),
             (42, 1, 2, 'soft_failure', 'mailbox_full', 450, 'mail.example.com:25', 12)`)
    const client = await database.pool.connect()
    try {
      await client.query('SET ROLE fleet_readonly')
      expect((await client.query(statement)).rows).not.toEqual([])
    } finally {
      await client.query('RESET ROLE')
      client.release()
    }
  })

  it('sends a mail as the Python example does, once', async () => {
    const [example = ''] = blocks('README.md', 'python')
    const statement = /"""([\s\S]*?)"""/.exec(example)?.[1] ?? ''
    const values = [
      ...(/\((".*")\),?\s*\)/.exec(example.replace(/"""[\s\S]*?"""/, ''))?.[1] ?? '').matchAll(/"([^"]*)"/g),
    ].map(([, value]) => value)
    let position = 0
    const numbered = statement.replaceAll('%s', () => {
      position += 1
      return `$${position}`
    })
    expect(values.length).toBe(position)
    for (const rowCount of [1, 0]) expect((await database.pool.query(numbered, values)).rowCount).toBe(rowCount)
  })
})
