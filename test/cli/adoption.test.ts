import { afterEach, beforeEach, expect, it } from 'vitest'
import { fillPlatform } from '../migrations/installation-rows.ts'
import { installPlatform, platformTables } from '../migrations/platform-installation.ts'
import { createEmptyTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.url })
  await installPlatform(database.pool, 'in one go', platformTables.slice(0, 14))
  await fillPlatform(database.pool, platformTables.slice(0, 14))
})
afterEach(() => Promise.all([fleet.installation.remove(), database.drop()]))

it('says what was found and what was changed', async () => {
  const { stdout } = await fleet.run(['migrate', 'up'])
  expect(stdout).toContain(
    '\nAdopted 14 tables of the platform, made 2 tables that it lacked. "fleet migrate down" undoes what follows.\n',
  )
  expect(stdout).toMatch(/^function update_updated_at_column +body replaced$/m)
  expect(stdout).toMatch(/^mail email_queue +6 due, held with error_class adopted: replay or cancel them$/m)
})

it('says the same to programs', async () => {
  const { document } = await fleet.json(['migrate', 'up'])
  expect(document).toMatchObject({
    adoption: {
      foundTables: platformTables.slice(0, 14),
      createdTables: ['notifications', 'audit_log'],
      notes: expect.arrayContaining([
        {
          object: 'view expiring_subscriptions',
          isChanged: true,
          change: 'definition replaced',
          at: expect.any(String),
        },
      ]),
    },
  })
})

it('counts no row of a table that was there as lost by going down', async () => {
  await fleet.run(['migrate', 'up'])
  await database.pool.query(`INSERT INTO audit_log (entity_type, entity_id, action) VALUES ('company', 1, 'create')`)
  const { document } = await fleet.json(['migrate', 'to', '20260101000060_create_settlement_of_tables', '--dry-run'])
  expect(document).toMatchObject({ lost: [{ table: 'audit_log', rows: 1 }] })
})

it('lists what stands in the way, with the statements, and exits with 3', async () => {
  await database.pool.query('ALTER TABLE orders ALTER COLUMN notes TYPE varchar(90)')
  expect(await fleet.json(['migrate', 'up', '--dry-run'])).toMatchObject({
    code: 3,
    document: { error: { code: 'MIGRATION_PREFLIGHT' } },
  })
  expect(await fleet.run(['migrate', 'up'])).toEqual({
    code: 3,
    stdout: '',
    stderr: `error: this database cannot be adopted as it is: column public.orders.notes

column public.orders.notes
  wanted: text
  found:  character varying(90)
    ALTER TABLE public.orders ALTER COLUMN notes TYPE text USING notes::text;

hint: nothing was touched: carry out what is listed, or change it otherwise, and try again
`,
  })
  expect(await fleet.json(['migrate', 'up'])).toEqual({
    code: 3,
    document: {
      error: {
        code: 'MIGRATION_PREFLIGHT',
        message: 'this database cannot be adopted as it is: column public.orders.notes',
        hint: 'nothing was touched: carry out what is listed, or change it otherwise, and try again',
        findings: [
          {
            object: 'column public.orders.notes',
            wanted: 'text',
            found: 'character varying(90)',
            remedy: ['ALTER TABLE public.orders ALTER COLUMN notes TYPE text USING notes::text;'],
          },
        ],
      },
    },
  })
})
