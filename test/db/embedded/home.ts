import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { makeTemporaryFolder } from '../../support/temporary-folder.ts'

/** A `.fleet` that is not there yet, in a project folder that is removed after the test. */
export async function makeHome(): Promise<string> {
  const project = await makeTemporaryFolder()
  onTestFinished(() => rm(project, { recursive: true, force: true, maxRetries: 10 }))
  return join(project, '.fleet')
}

/** Runs one statement on a connection of its own. */
export async function ask<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}
