import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const root = join(import.meta.dirname, '../..')
const run = promisify(execFile)

/** Every `npx fleet …` line of a shell block, as its arguments. */
function commandsOf(page: string): { line: string; args: string[] }[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^ *npx fleet (.*)$/gm)].map(([, line = '']) => ({
    line,
    args: [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? ''),
  }))
}

/** The pages of a folder that have commands, and those below. */
function pagesIn(folder: string): { page: string; least: number }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ page: join(folder, name), least: 1 }))
    .filter(({ page }) => commandsOf(page).length > 0)
    .sort((a, b) => a.page.localeCompare(b.page))
}

const lines = new Set<string>()

/** Not among those of a page before. */
function isNew({ line }: { readonly line: string }): boolean {
  const known = lines.has(line)
  lines.add(line)
  return !known
}

/** What is found wrong where no worker runs, as here. */
const checks = ['doctor', 'alerts check']

describe.each([
  { page: 'README.md', least: 8 },
  { page: 'docs/users.md', least: 4 },
  { page: 'docs/email-queue.md', least: 5 },
  { page: 'docs/notifications.md', least: 8 },
  { page: 'docs/subscriptions.md', least: 6 },
  { page: 'docs/why.md', least: 2 },
  { page: 'docs/replaying-failed-mail.md', least: 8 },
  ...pagesIn('docs/operations'),
  ...pagesIn('docs/runbooks'),
])('the commands in $page', ({ page, least }) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
    await database.pool.query(`
      INSERT INTO email_queue (recipient_to, subject, body, status, error_class, template_id)
      VALUES ('a@example.com', 's', 'b', 'failed', 'mailbox_full', NULL),
             ('a@example.com', 's', 'b', 'pending', NULL, 'subscription_expired');
      INSERT INTO notifications (type, company_id, message, status, error_class, event_data)
      VALUES ('telegram', 1, 'm', 'failed', 'bot_blocked', '{"chat_id": 77}')`)
  })
  afterAll(() => database.drop())

  const commands = commandsOf(page)

  it('are there', () => expect(commands.length).toBeGreaterThanOrEqual(least))

  it.each(commands.filter(isNew))('fleet $line', async ({ args }) => {
    const env = { PATH: process.env.PATH, DATABASE_URL: database.url }
    const { stdout } = await run(join(root, 'bin/fleet'), args, { env }).catch((error) => {
      if (error.code === 3 && checks.some((check) => args.join(' ').startsWith(check))) return error
      throw error
    })
    expect(stdout).not.toBe('')
  })
})
