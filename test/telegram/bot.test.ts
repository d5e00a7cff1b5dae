import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findLinkableCompany, offerTelegramLink } from '../../src/ops/company-telegram.ts'
import { createLinkToken, hashLinkToken } from '../../src/telegram/link-token.ts'
import { type BotApiServer, startBotApiServer } from '../support/bot-api-server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { message, migration, presence, type Sender, startBot, type TestBot } from './bot-stage.ts'

let database: TestDatabase
let server: BotApiServer
let bot: TestBot
beforeAll(async () => {
  ;[database, server] = await Promise.all([createTestDatabase(), startBotApiServer()])
  bot = startBot({ server, url: database.workerUrl })
})
afterAll(async () => {
  await bot.stop()
  await Promise.all([database.drop(), server.stop()])
})
beforeEach(async () => {
  server.follow()
  await database.pool.query(`
    DELETE FROM companies WHERE name <> 'Vertex AR';
    UPDATE companies SET telegram_chat_id = NULL;
    UPDATE fleet.channels SET paused_until = NULL;
    TRUNCATE fleet.telegram_links, fleet.telegram_chats, audit_log, notifications`)
})
afterEach(() => {
  expect(bot.lines.join('')).not.toContain(server.token.split(':')[1])
})

async function addCompany(name: string, values: { readonly [column: string]: unknown } = {}): Promise<number> {
  const row = { name, slug: name.toLowerCase(), ...values }
  const { id } = await database.db.insertInto('companies').values(row).returning('id').executeTakeFirstOrThrow()
  return id
}

async function offerLink(companyId: number): Promise<string> {
  const company = await findLinkableCompany(database.db, companyId)
  if (company === undefined) throw new Error('no such company')
  const token = createLinkToken(server.token)
  await offerTelegramLink(database.db, { company, tokenHash: hashLinkToken(token), actor: 'ann@host' })
  return token
}

/** Writes to the bot, and waits for what it answers. */
async function ask(text: string, sender?: Sender): Promise<{ chatId: string; text: string; payload: object }> {
  const before = server.taken.length
  server.push(message(text, sender))
  await expect.poll(() => server.taken.length).toBeGreaterThan(before)
  const answer = server.taken[before]
  if (answer === undefined) throw new Error('no answer')
  return { chatId: answer.chatId, text: String(answer.payload.text), payload: answer.payload }
}

async function chatOf(companyId: number): Promise<string | null | undefined> {
  return (await findLinkableCompany(database.db, companyId))?.chatId
}

function auditLog() {
  return database.db
    .selectFrom('audit_log')
    .select(['action', 'entity_type', 'entity_id', 'changes', 'actor_email'])
    .where('action', '<>', 'offer_telegram_link')
    .execute()
}

const group: Sender = { chatId: -1_001_234, group: 'supergroup' }

describe('/start with a link', () => {
  it('links the chat to the company, and says so in the language of the user', async () => {
    const id = await addCompany('Art & Co')
    const answer = await ask(`/start ${await offerLink(id)}`)
    expect(answer.chatId).toBe('5')
    expect(answer.text).toMatch(/^Done: the notices of <b>Art &amp; Co<\/b> come to this chat now\.\n/)
    expect(await chatOf(id)).toBe('5')
    expect(await auditLog()).toEqual([
      {
        action: 'link_telegram',
        entity_type: 'company',
        entity_id: id,
        changes: { name: 'Art & Co', telegram_chat_id: { before: null, after: '5' } },
        actor_email: 'telegram:77',
      },
    ])
    const [link] = await database.db.selectFrom('fleet.telegram_links').selectAll().execute()
    expect(link).toMatchObject({ chat_id: '5', used_at: expect.any(Date) })
    const other = await addCompany('Other')
    expect((await ask(`/start ${await offerLink(other)}`, { language: 'ru-RU' })).text).toMatch(/^Готово: уведомления/)
    expect((await ask('/start', { language: '' })).text).toMatch(
      /^Сюда приходят уведомления: <b>Art &amp; Co<\/b>, <b>Other/,
    )
  })

  it('speaks the language that the company has, whatever that of the user is', async () => {
    const id = await addCompany('Museum', { locale: 'RU' })
    expect((await ask(`/start ${await offerLink(id)}`, { language: 'en' })).text).toMatch(/^Готово: уведомления/)
    expect((await ask('/start', { language: 'en' })).text).toMatch(/^Сюда приходят уведомления/)
    expect((await ask('/status', { language: 'en' })).text).toContain('Подписка компании')
    await addCompany('Theatre', { locale: 'en', telegram_chat_id: '5' })
    expect((await ask('/start', { language: 'en' })).text).toMatch(/^Notices come here/)
    await database.pool.query(`UPDATE companies SET locale = 'de' WHERE name = 'Theatre'`)
    expect((await ask('/stop', { language: 'en' })).text).toMatch(/^Больше не присылаю/)
    expect((await ask('/stop', { language: 'en' })).text).toMatch(/^No notices come/)
  })

  it('works in a group, which the answer refers to', async () => {
    const id = await addCompany('Museum')
    const answer = await ask(`/start@vertex_ar_test_bot ${await offerLink(id)}`, group)
    expect(answer).toMatchObject({
      chatId: '-1001234',
      payload: { reply_parameters: { message_id: expect.any(Number) } },
    })
    expect(await chatOf(id)).toBe('-1001234')
  })

  it('takes the place of the chat that the company had', async () => {
    const id = await addCompany('Museum', { telegram_chat_id: '99' })
    expect((await ask(`/start ${await offerLink(id)}`)).text).toContain('no longer go to the chat they went to before')
    expect(await chatOf(id)).toBe('5')
  })

  it('works once; again in the same chat, as after an answer that was lost, it says the same', async () => {
    const id = await addCompany('Museum')
    const token = await offerLink(id)
    const first = await ask(`/start ${token}`)
    expect((await ask(`/start ${token}`)).text).toBe(first.text)
    expect((await ask(`/start ${token}`, { chatId: 6 })).text).toMatch(/^This link has been used already/)
    expect(await chatOf(id)).toBe('5')
    expect(await auditLog()).toHaveLength(1)
    await ask('/stop')
    expect((await ask(`/start ${token}`)).text).toMatch(/^This link has been used already/)
    expect(await chatOf(id)).toBeNull()
  })

  it('refuses one that has run out, and one of a company that is gone', async () => {
    const [id, gone] = [await addCompany('Museum'), await addCompany('Gone')]
    const [token, other] = [await offerLink(id), await offerLink(gone)]
    await database.pool.query('UPDATE fleet.telegram_links SET expires_at = now() WHERE company_id = $1', [id])
    await database.pool.query('DELETE FROM companies WHERE id = $1', [gone])
    for (const refused of [token, other, createLinkToken(server.token)]) {
      expect((await ask(`/start ${refused}`)).text).toMatch(/^This link no longer works/)
    }
    expect(await chatOf(id)).toBeNull()
  })

  it('refuses one that somebody has made up', async () => {
    for (const forged of ['x', createLinkToken('1:another-bot'), `'; DROP TABLE companies; --`]) {
      expect((await ask(`/start ${forged}`)).text).toMatch(/^There is no such link/)
    }
  })

  it('makes a chat reachable again', async () => {
    await database.pool.query(`INSERT INTO fleet.telegram_chats (chat_id, unreachable_since) VALUES ('5', now())`)
    expect((await ask('/start')).text).toMatch(/^No notices come to this chat/)
    const { rows } = await database.pool.query('SELECT unreachable_since FROM fleet.telegram_chats')
    expect(rows).toEqual([{ unreachable_since: null }])
  })
})

describe('/status', () => {
  async function addProject(companyId: number, name: string, end: string | null, status = 'active'): Promise<void> {
    await database.pool.query(
      'INSERT INTO projects (company_id, name, slug, subscription_end, status) VALUES ($1, $2, $2, $3, $4)',
      [companyId, name, end, status],
    )
  }

  it('lists the subscriptions of every company of the chat, in the time of each', async () => {
    const chat = { telegram_chat_id: '5' }
    const id = await addCompany('A <b>', { ...chat, subscription_expires_at: new Date('2099-12-31T21:30:00Z') })
    const tokyo = { timezone: 'Asia/Tokyo', subscription_expires_at: new Date('2020-01-01T00:00:00Z') }
    const other = await addCompany('B', { ...chat, ...tokyo })
    await addCompany('C', { telegram_chat_id: '6' })
    await addProject(id, 'Late', '2099-06-01T09:00:00Z')
    await addProject(id, 'Gone & over', '2021-06-01T09:00:00Z')
    await addProject(id, 'Endless', null)
    await addProject(id, 'For ever', 'infinity')
    await addProject(id, 'Archived', '2099-06-01T09:00:00Z', 'archived')
    await database.pool.query(
      `INSERT INTO portraits (company_id, file_path, subscription_end) VALUES ($1, 'x', '2099-01-01 12:00'), ($1, 'y', NULL)`,
      [other],
    )
    expect((await ask('/status')).text.split('\n')).toEqual([
      '<b>A &lt;b&gt;</b>',
      'Company subscription: until 1 January 2100, 00:30 (MSK)',
      '• Gone &amp; over: ended 1 June 2021, 12:00 (MSK)',
      '• Late: until 1 June 2099, 12:00 (MSK)',
      '• For ever: without an end',
      '• Endless: without an end',
      '',
      '<b>B</b>',
      'Company subscription: ended 1 January 2020, 09:00 (GMT+9)',
      'No active projects.',
      'Portraits (2), the first: until 1 January 2099, 21:00 (GMT+9)',
    ])
    expect((await ask('/status', { language: 'ru' })).text).toContain(
      'Подписка компании: до 1 января 2100 г., 00:30 (МСК)',
    )
  })

  it('fits into one message, whatever there is, and counts the rest', async () => {
    for (const name of ['A', 'B', 'C']) {
      const id = await addCompany(name, { telegram_chat_id: '5' })
      for (let index = 0; index < 40; index += 1)
        await addProject(id, `${name}${index} ${'"&'.repeat(100)}`, '2099-01-01')
    }
    const { text } = await ask('/status')
    expect(text).toContain('… and projects more: 25')
    expect(text).toContain('… and companies more: ')
    expect(text).toMatch(/A14 /)
    expect(text).not.toMatch(/A15 /)
  })

  it('finds the company by the name of a public group', async () => {
    await addCompany('Public', { telegram_chat_id: '@Museum_Chat' })
    expect((await ask('/status', { ...group, username: 'museum_chat' })).text).toContain('<b>Public</b>')
  })

  it('takes a time zone that does not exist for the default one', async () => {
    const expires = { subscription_expires_at: new Date('2099-06-01T09:00:00Z') }
    await addCompany('Z', { telegram_chat_id: '5', timezone: 'Mars/Olympus', ...expires })
    expect((await ask('/status')).text).toContain('12:00 (MSK)')
  })

  it('of a chat without a company gives a hint', async () => {
    expect((await ask('/status')).text).toMatch(/^No notices come to this chat/)
    expect((await ask('hello?')).text).toMatch(/^No notices come to this chat/)
    expect((await ask('алло?', { language: 'ru' })).text).toMatch(/^В этот чат уведомления не приходят/)
  })
})

describe('/stop', () => {
  it('takes the chat away from every company that has it', async () => {
    const ids = [await addCompany('A', { telegram_chat_id: ' 5 ' }), await addCompany('B', { telegram_chat_id: '5' })]
    const other = await addCompany('C', { telegram_chat_id: '55' })
    expect((await ask('/stop')).text).toBe('No more notices come here of <b>A</b>, <b>B</b>.')
    expect(await Promise.all([...ids, other].map(chatOf))).toEqual([null, null, '55'])
    expect(await auditLog()).toMatchObject([{ action: 'unlink_telegram' }, { action: 'unlink_telegram' }])
    expect((await ask('/stop')).text).toMatch(/^No notices come to this chat/)
  })
})

describe('a chat', () => {
  const known = async (chatId: string) => {
    const { rows } = await database.pool.query(
      'SELECT migrated_to, unreachable_class FROM fleet.telegram_chats WHERE chat_id = $1',
      [chatId],
    )
    return rows[0]
  }

  it.each([
    ['blocked by its user', 'kicked', { chatId: 5 }, '5', 'bot_blocked'],
    ['that the bot is removed from', 'left', group, '-1001234', 'bot_kicked'],
  ] as const)('%s gets nothing until the bot is let in again', async (_, status, sender, chatId, unreachableClass) => {
    server.push(presence(status, sender))
    await expect.poll(() => known(chatId)).toMatchObject({ unreachable_class: unreachableClass })
    server.push(presence('member', sender))
    await expect.poll(() => known(chatId)).toMatchObject({ unreachable_class: null })
  })

  it('that becomes a supergroup takes its companies along', async () => {
    const id = await addCompany('Museum', { telegram_chat_id: '-77' })
    server.push(migration(-77, -10_077))
    await expect.poll(() => chatOf(id)).toBe('-10077')
    expect(await known('-77')).toMatchObject({ migrated_to: '-10077' })
  })

  it('of many people hears nothing from the bot unless it is asked', async () => {
    const before = server.taken.length
    server.push(message('hello', group))
    await ask('/status', { chatId: 8 })
    await ask('/status', { chatId: 8 })
    expect(server.taken.slice(before).map(({ chatId }) => chatId)).toEqual(['8', '8'])
  })

  it('does not keep others waiting for their answers when its limit is reached', async () => {
    await database.pool.query(
      `INSERT INTO fleet.telegram_chats (chat_id, recent) VALUES ('-1001234', array_fill(clock_timestamp(), ARRAY[20]))`,
    )
    server.push(message('/status', group))
    expect((await ask('/status', { chatId: 9 })).chatId).toBe('9')
    await expect.poll(() => bot.lines.join('')).toContain('a chat gets no answer from the bot')
  })
})
