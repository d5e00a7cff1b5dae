import { execFile, execFileSync } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { makeTemporaryFolder } from './temporary-folder.ts'

/** Whether psql is installed. The tests do not need it; continuous integration installs it. */
export function hasPsql(): boolean {
  try {
    execFileSync('psql', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Gives the file to psql as the documentation says; rejects with what psql wrote. */
export async function runWithPsql(url: string, text: string): Promise<void> {
  const folder = await makeTemporaryFolder()
  try {
    const file = join(folder, 'migrations.sql')
    await writeFile(file, text)
    await promisify(execFile)('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', file, url])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Sends the file over one connection as psql does: each statement by itself. */
export async function runStatements(url: string, text: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    for (const statement of splitStatements(text)) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Cut at the semicolons outside of quotes, dollar quotes and comments. */
export function splitStatements(text: string): string[] {
  const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|(\$\w*\$)[\s\S]*?\1|;|[\s\S]/g
  const statements: string[] = []
  let current = ''
  for (const [part] of text.matchAll(token)) {
    if (part === ';') {
      statements.push(current)
      current = ''
    } else if (!part.startsWith('--')) current += part
  }
  statements.push(current)
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== '')
}
