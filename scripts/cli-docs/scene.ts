import { readFile } from 'node:fs/promises'
import pg from 'pg'

/** A database for examples: always the same rows, at always the same moment. */
export interface Scene {
  /** Another copy of it, for what changes it. */
  copy(): Promise<string>
  remove(): Promise<void>
}

const template = 'fleet_docs'

/** Makes it from a database that is migrated and otherwise empty, on the same cluster. `fresh` is for commands about the schema. */
export async function setScene(adminUrl: string, migrated: string, { fresh }: { fresh: boolean }): Promise<Scene> {
  const name = `${template}_${fresh ? 'fresh' : 'busy'}`
  const copies: string[] = []
  await clone(adminUrl, { from: migrated, to: name })
  if (!fresh) await fill(urlOf(adminUrl, name))
  return {
    async copy() {
      const to = `${name}_${copies.length + 1}`
      copies.push(to)
      await clone(adminUrl, { from: name, to })
      return urlOf(adminUrl, to)
    },
    async remove() {
      for (const database of [...copies, name]) await asAdmin(adminUrl, `DROP DATABASE ${database}`)
    },
  }
}

async function clone(adminUrl: string, { from, to }: { from: string; to: string }): Promise<void> {
  await asAdmin(adminUrl, `DROP DATABASE IF EXISTS ${to}`)
  await asAdmin(adminUrl, `CREATE DATABASE ${to} TEMPLATE ${from}`)
}

async function fill(url: string): Promise<void> {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(await readFile(new URL('scene.sql', import.meta.url), 'utf8'))
  await client.end()
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const admin = new pg.Client(url)
  await admin.connect()
  try {
    await admin.query(statement)
  } finally {
    await admin.end()
  }
}

function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl)
  url.pathname = `/${database}`
  return url.href
}
