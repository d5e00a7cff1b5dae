import { expect, test } from 'vitest'
import { startHolder } from './holder-process.ts'
import { ask, makeHome } from './home.ts'

const PATH = process.env.PATH

test.each([
  ['LANG=ru_RU.KOI8-R', { PATH, LANG: 'ru_RU.KOI8-R', TZ: 'Europe/Moscow' }],
  [
    'LC_ALL=POSIX',
    { PATH, LC_ALL: 'POSIX', PGDATA: '/nowhere', PGPORT: '1', PGTZ: 'Asia/Tokyo', PGSSLMODE: 'require' },
  ],
  ['no environment at all', {}],
])('the database is UTF-8 and lives in UTC with %s', async (_name, env) => {
  const home = await makeHome()
  const holder = startHolder(home, env)
  const { url = '' } = await holder.hear()
  const [row] = await ask(
    url,
    `SELECT current_setting('server_encoding') AS encoding, lower('ПРИВЕТ, ÉTÉ') AS lower, 'ё' < 'я' AS compared,
       current_setting('TimeZone') AS zone, 'Ж' ~* 'ж' AS matched`,
  )
  holder.child.kill('SIGINT')
  expect(await holder.ended).toBe(0)
  expect(row).toEqual({ encoding: 'UTF8', lower: 'привет, été', compared: false, zone: 'UTC', matched: true })
})
