import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { botAnswers } from '../support/bot-api-answers.ts'
import { type BotApiServer, startBotApiServer } from '../support/bot-api-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
let server: BotApiServer
let companyId: number
beforeAll(async () => {
  ;[database, server] = await Promise.all([createTestDatabase(), startBotApiServer()])
  fleet = await createFleet({
    DATABASE_URL: database.url,
    TELEGRAM_BOT_TOKEN: server.token,
    TELEGRAM_API_ROOT: server.apiRoot,
  })
  const { id } = await database.db
    .insertInto('companies')
    .values({ name: 'Музей «Свет»', slug: 'svet' })
    .returning('id')
    .executeTakeFirstOrThrow()
  companyId = id
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop(), server.stop()]))
beforeEach(async () => {
  server.follow()
  await database.pool.query('TRUNCATE audit_log, fleet.telegram_links; UPDATE companies SET telegram_chat_id = NULL')
})

interface Offer {
  readonly link: string
  readonly groupLink: string | null
  readonly expiresAt: string
}

const linkTelegram = (env: Record<string, string | undefined> = {}) =>
  fleet.run(['company', 'link-telegram', String(companyId)], { env })

async function offer(): Promise<Offer> {
  const { document } = await fleet.json(['company', 'link-telegram', String(companyId)])
  return document as Offer
}

function links() {
  return database.db.selectFrom('fleet.telegram_links').selectAll().execute()
}

describe('fleet company link-telegram', () => {
  it('prints a link for a person and one for a group, which work once and for a day', async () => {
    const { code, stdout, stderr } = await linkTelegram()
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.split('\n')).toEqual([
      'Whoever opens this in Telegram and presses Start gets the notices of Музей «Свет» there:',
      expect.stringMatching(/^ {2}https:\/\/t\.me\/vertex_ar_test_bot\?start=[\w-]{64}$/),
      'For a group, instead:',
      expect.stringMatching(/^ {2}https:\/\/t\.me\/vertex_ar_test_bot\?startgroup=[\w-]{64}$/),
      expect.stringMatching(/^It works once, until 20\d\d-.* UTC \(in 23 h\)\.$/),
      '',
    ])
  })

  it('keeps a hash of the token alone, and says in the audit log who made it', async () => {
    const { link, groupLink, expiresAt } = await offer()
    const token = new URL(link).searchParams.get('start') ?? ''
    expect(new URL(groupLink ?? '').searchParams.get('startgroup')).toBe(token)
    const [row] = await links()
    expect(row).toMatchObject({ company_id: companyId, used_at: null, chat_id: null })
    expect(row?.token_hash.equals(createHash('sha256').update(token).digest())).toBe(true)
    expect(row?.expires_at.toISOString()).toBe(expiresAt)
    const audit = await database.db.selectFrom('audit_log').selectAll().execute()
    expect(audit).toMatchObject([
      {
        action: 'offer_telegram_link',
        entity_type: 'company',
        entity_id: companyId,
        actor_email: expect.stringMatching(/^ann@/),
        changes: { name: 'Музей «Свет»', expires_at: expiresAt },
      },
    ])
    expect(JSON.stringify(audit)).not.toContain(token)
  })

  it('makes another link each time, and forgets those that ended long ago', async () => {
    expect((await offer()).link).not.toBe((await offer()).link)
    await database.pool.query(`UPDATE fleet.telegram_links SET expires_at = now() - interval '31 days'`)
    await offer()
    expect(await links()).toHaveLength(1)
  })

  it('says which chat the company has already', async () => {
    await database.pool.query(`UPDATE companies SET telegram_chat_id = '-100777' WHERE id = $1`, [companyId])
    expect((await linkTelegram()).stdout).toContain(
      'The chat that the company has now, -100777, then gets none any more.',
    )
  })

  it('has no link for groups where the bot may not join any', async () => {
    server.follow(() => ({
      status: 200,
      body: {
        ok: true,
        result: { id: 1, is_bot: true, first_name: 'x', username: 'lone_bot', can_join_groups: false },
      },
    }))
    expect(await offer()).toMatchObject({ link: expect.stringContaining('/lone_bot?start='), groupLink: null })
    expect((await linkTelegram()).stdout).toContain('The bot may not be added to groups.')
  })

  it.each([
    [
      'no bot',
      { TELEGRAM_BOT_TOKEN: undefined },
      78,
      'error: there is no bot: TELEGRAM_BOT_TOKEN is not set\n' +
        'hint: make one with https://t.me/BotFather, and set TELEGRAM_BOT_TOKEN to its token\n',
    ],
    [
      'only the local outbox',
      { TELEGRAM_API_ROOT: 'outbox:' },
      78,
      /^error: there is no bot: TELEGRAM_API_ROOT is outbox:/,
    ],
    [
      'a token of another bot',
      { TELEGRAM_BOT_TOKEN: '1:wrong-token' },
      78,
      /^error: 127\.0\.0\.1:\d+ does not know the bot's/,
    ],
    [
      'no Bot API within reach',
      { TELEGRAM_API_ROOT: 'http://127.0.0.1:1' },
      4,
      /cannot be asked who the bot is: .*ECONNREFUSED/,
    ],
  ])('says what is wrong with %s', async (_, env, status, message) => {
    const { code, stdout, stderr } = await linkTelegram(env)
    expect({ code, stdout }).toEqual({ code: status, stdout: '' })
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('wrong-token')
    expect(await links()).toEqual([])
  })

  it.each([
    ['a proxy answers', botAnswers.proxyError],
    ['the Bot API is troubled', botAnswers.serverError],
    ['the connection is cut', botAnswers.resetBefore],
  ])('ends as out of reach where %s', async (_, answer) => {
    server.follow(() => answer)
    const { code, document } = await fleet.json(['company', 'link-telegram', String(companyId)])
    expect({ code, document }).toMatchObject({ code: 4, document: { error: { code: 'TELEGRAM_UNREACHABLE' } } })
    expect(JSON.stringify(document)).not.toContain(server.token)
  })

  it('knows companies by their ids only', async () => {
    const unknown = await fleet.run(['company', 'link-telegram', '2147483647'])
    expect(unknown).toEqual({
      code: 1,
      stdout: '',
      stderr: 'error: no company has the id 2147483647\nhint: fleet search finds companies by name\n',
    })
    expect((await fleet.run(['company', 'link-telegram', 'svet'])).code).toBe(2)
  })
})
