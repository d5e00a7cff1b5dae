import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { migrateTo } from '../../src/db/migrator.ts'
import { type SearchRequest, search } from '../../src/ops/search.ts'
import { hasMajor, startCluster, type TestCluster } from '../support/cluster.ts'
import { createEmptyTestDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts'

/** The last migration of the search. */
const searchable = '20260301000600_create_search'

const installed = await Promise.all(([12, 18] as const).map(async (major) => ({ major, has: await hasMajor(major) })))

describe.each(installed.filter(({ has }) => has))('search on PostgreSQL $major', ({ major }) => {
  let cluster: TestCluster | undefined
  let database: TestDatabase

  beforeAll(async () => {
    if (major === 18) database = await createTestDatabase()
    else {
      cluster = await startCluster({ major })
      database = await createEmptyTestDatabase(cluster.adminUrl)
      await migrateTo(database.db, searchable)
    }
  })
  afterAll(async () => {
    await database.drop()
    await cluster?.remove()
  })
  beforeEach(() => database.pool.query('TRUNCATE companies RESTART IDENTITY CASCADE'))

  const insertCompanies = (...names: string[]) =>
    database.pool.query(
      'INSERT INTO companies (name, slug) SELECT name, place FROM unnest($1::text[]) WITH ORDINALITY AS given (name, place)',
      [names],
    )
  const insertProjects = (...projects: [name: string, description?: string][]) =>
    database.pool.query(
      `INSERT INTO projects (company_id, name, slug, description)
       SELECT 1, name, place, description FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (name, description, place)`,
      [projects.map(([name]) => name), projects.map(([, description]) => description ?? null)],
    )
  const find = async (words: string, request: Partial<SearchRequest> = {}) =>
    (await search(database.db, { words, limit: 20, ...request }))?.results.map(({ name }) => name.text)

  it.each([
    ['проекты', 'Проект Невский'],
    ['ПРОЕКТОВ', 'проект'],
    ['выставка', 'Новые выставки'],
    ['running', 'Run Club'],
    ['run', 'Running Club'],
    ['clubs проект', 'Проекты: The Club'],
    ['ёлка', 'Елки'],
    ['елка', 'Ёлки и палки'],
    ['ЁЛКА', 'елка'],
    ['елка', 'Е\u0308лка из macOS'],
    ['музей', 'Музеи\u0306'],
    ['неб', 'Небесная галерея'],
    ['красная гал', 'Галерея «Красная»'],
    ['runni', 'Running Club'],
    ['the who', 'The Who'],
    ['мы', 'Мы'],
    ['IT студия', 'Студия IT'],
    ['ivan.petrov@example.org', 'Ivan Petrov <ivan.petrov@example.org>'],
    ['petrov example', 'ivan.petrov@example.org'],
    ['2024-05', 'Съёмка 2024/05/17'],
    ['AT&T', 'AT&T'],
    ["о'генри", "Издательство О'Генри"],
    ['"красная площадь"', 'На Красной площади'],
    ['студия or галерея', 'Галерея'],
  ])('%s finds %s', async (words, name) => {
    await insertCompanies(name, 'Something else entirely')
    expect(await find(words)).toEqual([name.normalize('NFC')])
  })

  it.each([
    ['"красная площадь"', 'Площадь Красная'],
    ['студия -свадебная', 'Свадебные студии'],
    ['studio -"wedding photo"', 'Studio of wedding photos'],
    ['красная площадь', 'Красная'],
    ['running', 'Runway'],
    // A phrase does not reach from the stems of the name into its words as they are.
    ['"run club"', 'Club run'],
  ])('%s does not find %s', async (words, name) => {
    await insertCompanies(name)
    expect(await find(words)).toEqual([])
  })

  it('ranks a name before a description, the words as typed before their other forms, and the shorter name first', async () => {
    await insertCompanies('Владелец')
    await insertProjects(
      ['Каталог', 'Музей, музеи и ещё раз музей: всё о музеях'],
      ['Музей воды и света'],
      ['Музеи'],
      ['Музей воды'],
    )
    expect(await find('музей')).toEqual(['Музей воды', 'Музей воды и света', 'Музеи', 'Каталог'])
  })

  it('finds all four kinds, each with its company, by rank', async () => {
    await insertCompanies('Невский')
    await insertProjects(['Сайт', 'Виды Невского проспекта'])
    await database.pool.query(`INSERT INTO clients (company_id, name) VALUES (1, 'Александр Невский')`)
    await database.pool.query(`INSERT INTO portraits (company_id, file_path) VALUES (1, '/невский/IMG_17.jpg')`)
    const { results } = (await search(database.db, { words: 'невский', limit: 9 })) ?? { results: [] }
    expect(results.map(({ kind, id, companyId, companyName }) => [kind, id, companyId, companyName])).toEqual([
      ['company', 1, 1, 'Невский'],
      ['client', 1, 1, 'Невский'],
      ['project', 1, 1, 'Невский'],
      ['portrait', 1, 1, 'Невский'],
    ])
    expect(await find('невский', { kinds: ['client', 'project'] })).toEqual(['Александр Невский', 'Сайт'])
    expect(await find('невский', { companyId: 2 })).toEqual([])
    expect(await find('невский', { companyId: 1, limit: 1 })).toEqual(['Невский'])
  })

  it.each([
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'Петрова',
    'anna-petrova.jpg',
    'petrova img',
    '0042',
    'thumbs',
    'hall.mind',
    'content/17',
  ])('finds a portrait by %s', async (words) => {
    await insertCompanies('Владелец')
    await database.pool.query(`
      INSERT INTO portraits (company_id, unique_id, file_path, public_url, image_url, thumbnail_path, marker_path)
      VALUES (1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '/storage/content/17/IMG_0042-anna-petrova.jpg', 'https://cdn.example.com/p/17',
              'https://cdn.example.com/Анна_Петрова.png', 'C:\\thumbs\\17.jpg', '/markers/hall.mind'),
             (1, uuid_generate_v4(), '/other/IMG_0043.jpg', 'https://cdn.example.com/p/18', NULL, NULL, NULL)`)
    expect(await find(words)).toEqual(['IMG_0042-anna-petrova.jpg'])
  })

  it('does not find a portrait by the host that all of them lie on', async () => {
    await insertCompanies('Владелец')
    await database.pool.query(
      `INSERT INTO portraits (company_id, file_path, image_url) VALUES (1, 'a', 'https://cdn.example.com/b')`,
    )
    expect(await find('cdn.example.com')).toEqual([])
    expect(await find('https')).toEqual([])
  })

  it('shows the place that matches, and where', async () => {
    await insertCompanies('Владелец')
    const long = `${'Начало. '.repeat(30)}Здесь стоят Ёлки, наряжены и ждут.${' Конец.'.repeat(30)}`
    await insertProjects(['Е\u0308лка <b>2027</b>', long])
    const [result] = (await search(database.db, { words: 'елка', limit: 1 }))?.results ?? []
    const cut = ({ text, matches }: NonNullable<typeof result>['name']) =>
      matches.map(({ from, to }) => text.slice(from, to))
    expect(result?.name.text).toBe('Ёлка <b>2027</b>')
    expect(result && cut(result.name)).toEqual(['Ёлка'])
    expect(result?.snippet?.text).toMatch(/^…(?:Начало\. )+Здесь стоят Ёлки, наряжены и ждут\. Конец\..*Конец\.…$/)
    expect(result?.snippet && cut(result.snippet)).toEqual(['Ёлки'])
  })

  it.each(['', ' ', '"', '""', '-', '- -', '-музей', '-"a b"', 'студия or -музей', '!?…', '\0'])(
    'knows that %j names nothing to look for',
    async (words) => expect(await search(database.db, { words, limit: 1 })).toBeUndefined(),
  )

  it('answers whatever is typed', async () => {
    await insertCompanies("O'Brien \\ & Co", 'Проект')
    const operators = fc.constantFrom(
      '"',
      '-',
      ' or ',
      '&',
      '|',
      '!',
      '<->',
      ':*',
      "'",
      '\\',
      '(',
      ')',
      '\uE000',
      '\uE001',
      '\0',
      '\u0002',
    )
    const words = fc.array(fc.oneof(operators, fc.string({ unit: 'binary' }), fc.constantFrom('проект', 'co', 'the')))
    await fc.assert(
      fc.asyncProperty(words, async (parts) => {
        const answer = await search(database.db, { words: parts.join(''), limit: 5 })
        if (answer) expect(answer.results.length).toBeLessThanOrEqual(5)
      }),
      { numRuns: 200 },
    )
    await search(database.db, { words: '𠀀'.repeat(600), limit: 5 })
    await search(database.db, { words: 'ж'.repeat(5_000), limit: 5 })
  })

  it('finds every company by each word of its name', async () => {
    const word = fc.stringMatching(/^[a-zа-яё]{2,12}$/u)
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 4 }), fc.nat(), async (words, pick) => {
        await database.pool.query('TRUNCATE companies RESTART IDENTITY CASCADE')
        await insertCompanies(words.join('_'))
        expect(await find(words[pick % words.length] ?? '')).toHaveLength(1)
      }),
      { numRuns: 50 },
    )
  })

  it('lets a platform write texts that no vector could hold', async () => {
    await insertCompanies('Владелец')
    const endless = Array.from({ length: 200_000 }, (_, n) => `слово${n}`).join(' ')
    await insertProjects(['Большой', endless], ['Слитный', 'ж'.repeat(100_000)])
    expect(await find('слово17')).toEqual(['Большой'])
  })

  it('is the caller’s own: policies hold in it', async () => {
    await insertCompanies('Невский', 'Невский завод')
    const client = await database.pool.connect()
    try {
      await client.query('BEGIN')
      await client.query(`
        CREATE ROLE guest_${major};
        GRANT SELECT ON companies, projects, clients, portraits TO guest_${major};
        ALTER TABLE companies ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON companies FOR SELECT TO guest_${major} USING (id = 2);
        SET ROLE guest_${major}`)
      const { rows } = await client.query(`SELECT name FROM fleet.search('невский')`)
      expect(rows).toEqual([{ name: 'Невский завод' }])
    } finally {
      await client.query('ROLLBACK')
      client.release()
    }
  })
})
