import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { screenOf } from '../../src/cli/screen.ts'
import { renderResults } from '../../src/cli/search.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.url })
  await database.pool.query('TRUNCATE companies RESTART IDENTITY CASCADE')
  await database.pool.query(`INSERT INTO companies (name, slug) VALUES ('Музей', 'a'), ('Завод', 'b')`)
  await database.pool.query(`
    INSERT INTO projects (company_id, name, slug, description)
    VALUES (1, 'Ночь музеев', 'a', NULL), (2, 'Каталог', 'b', E'Фотографии\nдля музея \\033[31m завода')`)
  await database.pool.query(
    `INSERT INTO clients (company_id, name) SELECT 2, 'Гость ' || n FROM generate_series(1, 21) n`,
  )
})
afterAll(() => Promise.all([fleet.installation.remove(), database.drop()]))

describe('fleet search', () => {
  it('shows the best first, with company, text and rank', async () => {
    const { code, stdout, stderr } = await fleet.run(['search', 'музей'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.replace(/0\.\d\d/g, '0.00').split('\n')).toEqual([
      'KIND     ID  NAME         COMPANY  TEXT                               RANK',
      'company   1  Музей        Музей                                       0.00',
      'project   1  Ночь музеев  Музей                                       0.00',
      'project   2  Каталог      Завод    Фотографии для музея \ufffd[31m завода  0.00',
      '',
    ])
  })

  it('answers programs', async () => {
    expect(await fleet.json(['search', 'фотограф', 'музея'])).toEqual({
      code: 0,
      document: {
        results: [
          {
            kind: 'project',
            id: 2,
            name: 'Каталог',
            companyId: 2,
            companyName: 'Завод',
            snippet: expect.stringMatching(/^Фотографии для музея .* завода$/),
            rank: expect.any(Number),
          },
        ],
      },
    })
  })

  it('looks where it is told to', async () => {
    const ids = async (...args: string[]) => {
      const { document } = await fleet.json(['search', ...args])
      return (document as { results: { kind: string; id: number }[] }).results.map(({ kind, id }) => `${kind} ${id}`)
    }
    expect(await ids('музей', '--kind', 'project')).toEqual(['project 1', 'project 2'])
    expect(await ids('музей', '--kind', 'project,company', '--company', '1')).toEqual(['company 1', 'project 1'])
    expect(await ids('музей -ночь', '--kind', 'project')).toEqual(['project 2'])
    expect(await ids('--limit', '1', 'музей')).toEqual(['company 1'])
  })

  it('shows 20 unless told otherwise, and says that there are more', async () => {
    const { stdout, stderr } = await fleet.run(['search', 'гость'])
    expect(stdout.trimEnd().split('\n')).toHaveLength(21)
    expect(stderr).toBe('Only the best 20 results; --limit shows more.\n')
    expect(await fleet.run(['search', 'гость', '--limit', '50'])).toMatchObject({ stderr: '' })
  })

  it('says so where nothing is found', async () => {
    expect(await fleet.run(['search', 'жираф'])).toEqual({ code: 0, stdout: 'Nothing found.\n', stderr: '' })
  })

  it.each([
    ['no words', [], /missing required argument 'words'/],
    ['only words that must not be there', ['--', '-музей'], /no word to look for\nhint: give one that must be there/],
    ['only punctuation', ['?!'], /no word to look for/],
    ['an unknown kind', ['музей', '--kind', 'user'], /Expected company, project, client or portrait\./],
    ['too many words', ['ж'.repeat(501)], /at most 500 characters/],
  ])('refuses %s', async (_, args, reason) => {
    const { code, stdout, stderr } = await fleet.run(['search', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(reason)
  })
})

describe('what was looked for', () => {
  const result = {
    kind: 'project' as const,
    id: 1,
    name: { text: 'Ночь музеев', matches: [{ from: 5, to: 11 }] },
    companyId: 1,
    companyName: null,
    snippet: {
      text: `Музей и ${'x'.repeat(80)} музей`,
      matches: [
        { from: 0, to: 5 },
        { from: 89, to: 94 },
      ],
    },
    rank: 0.6,
  }

  it('is bold on a terminal, as far as it fits', () => {
    const text = renderResults([result], screenOf({ isTTY: true, columns: 80 }, {}))
    expect(text).toContain('Ночь \u001b[1mмузеев\u001b[22m')
    expect(text).toContain('\u001b[1mМузей\u001b[22m и xxx')
    expect(text).toContain('x…  ')
    expect(text).toContain('company 1')
  })

  it('is not marked anywhere else', () => {
    expect(renderResults([result], screenOf({}, {}))).not.toContain('\u001b')
  })
})
