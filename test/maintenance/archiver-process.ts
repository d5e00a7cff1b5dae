/** Archives on DATABASE_URL until nothing is left: a process of its own, to be killed. */
import process from 'node:process'
import pino from 'pino'
import { connectDatabase } from '../../src/db/pool.ts'
import { archiveMail } from '../../src/maintenance/email-archive.ts'

const { db, close } = connectDatabase({ url: process.env.DATABASE_URL ?? '', applicationName: 'archiver' })
const maintenance = { db, signal: new AbortController().signal, log: pino({ level: 'silent' }) }
await archiveMail(maintenance, { count: 90, unit: 'days' })
await close()
