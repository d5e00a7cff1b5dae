import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { generateTypes, typesFile } from '../../scripts/generate-types.ts'
import { createTestDatabase } from '../support/database.ts'

test('src/db/schema.ts is what `npm run generate:types` writes now', async () => {
  const database = await createTestDatabase()
  const generated = await generateTypes(database.db)
  await database.drop()
  expect(await readFile(typesFile, 'utf8')).toBe(generated)
})
