import { type Kysely, sql, type Transaction } from 'kysely'
import { retryWhileLocked } from '../../db/lock-retry.ts'
import type { DB } from '../../db/schema.ts'
import { recordAudit } from '../audit.ts'
import type { AddressMatcher } from './address-matcher.ts'
import { archivedMails, queuedMails } from './forget-mails.ts'
import { notifications } from './forget-notifications.ts'
import { findOnPlatform, forgetRecords } from './forget-records.ts'
import { forgetMessages, type MessageKind, type Part } from './messages.ts'
import { type ForgetReport, ForgetTally } from './report.ts'
import { listTextTables, rangesOf, type TextTable } from './text-tables.ts'

export interface ForgetRequest {
  readonly matcher: AddressMatcher
  readonly actor: string
  readonly reason?: string | undefined
}

export interface Forgetting {
  readonly signal: AbortSignal
  /** Told which table it is at. */
  readonly onTable?: (table: string) => void
}

/** Read in one statement: some tens of milliseconds. */
const rowsAtOnce = 2_000
/** What is written while a pass goes on may be found by the next one only. */
const mostPasses = 4

/** What `forget` would do now. Only reads. */
export async function previewForget(
  db: Kysely<DB>,
  { matcher }: Pick<ForgetRequest, 'matcher'>,
  forgetting: Forgetting,
): Promise<ForgetReport> {
  const tables = await readTables(db)
  const tally = new ForgetTally()
  await pass(db, tables, { matcher, tally, acts: false, ...forgetting })
  return tally.report(matcher.hash, unreadOf(tables))
}

/**
 * Takes an address out of all that the fleet writes, pass by pass until one of them finds nothing more to do, in short transactions. It
 * may be killed anywhere and begun again, and others may do the same at once. Says what is left, and which rows of the platform's tables
 * hold the address.
 * @throws {MissingRights} before anything is changed
 */
export async function forget(db: Kysely<DB>, request: ForgetRequest, forgetting: Forgetting): Promise<ForgetReport> {
  const { matcher } = request
  const tables = await readTables(db)
  const tally = new ForgetTally()
  await audit(db, request, 'forget', {})
  for (let n = 1, before = -1; n <= mostPasses && tally.doneRows !== before; n += 1) {
    before = tally.doneRows
    tally.startPass()
    await pass(db, tables, { matcher, tally, acts: true, ...forgetting })
  }
  const report = tally.report(matcher.hash, unreadOf(tables))
  await audit(db, request, 'forgotten', { done: report.done, left: report.left })
  return report
}

/** The user of the database may not do what has to be done. */
export class MissingRights extends Error {
  override readonly name = 'MissingRights'
  readonly role: string
  /** `lacks UPDATE on public.audit_log`, and more of that kind. */
  readonly lacking: readonly string[]

  constructor(role: string, lacking: readonly string[]) {
    super(`the user ${role} lacks ${lacking.join(', ')}`)
    this.role = role
    this.lacking = lacking
  }
}

async function readTables(db: Kysely<DB>): Promise<TextTable[]> {
  const tables = await listTextTables(db)
  const lacking = tables
    .filter(({ part }) => part !== 'platform')
    .flatMap(({ name, lacking: { toWrite }, showsAll }) => [
      ...toWrite,
      ...(showsAll ? [] : [`sight of every row of ${name} (row-level security)`]),
    ])
  if (lacking.length === 0) return tables
  const { rows } = await sql<{ role: string }>`SELECT quote_ident(current_user) AS role`.execute(db)
  throw new MissingRights(rows[0]?.role ?? '', lacking)
}

function unreadOf(tables: readonly TextTable[]): string[] {
  return tables.filter((table) => table.part === 'platform' && !isReadable(table)).map(({ name }) => name)
}

function isReadable({ lacking, showsAll }: TextTable): boolean {
  return lacking.toRead.length === 0 && showsAll
}

/** A notification becomes a mail, and a mail goes to the archive: what moves on meanwhile is met there. */
const kinds: Readonly<Record<string, MessageKind>> = {
  'public.notifications': notifications,
  'public.email_queue': queuedMails,
  'fleet.email_archive': archivedMails,
}

type Passing = Omit<Part, 'table' | 'range'> & Forgetting

async function pass(db: Kysely<DB>, tables: readonly TextTable[], passing: Passing): Promise<void> {
  for (const [name, kind] of Object.entries(kinds)) {
    const table = tables.find((one) => one.name === name)
    if (table !== undefined) await through(db, table, passing, (trx, part) => forgetMessages(trx, kind, part))
  }
  for (const table of tables) {
    if (table.part === 'records') await through(db, table, passing, forgetRecords)
    if (table.part === 'platform' && isReadable(table)) await through(db, table, passing, findOnPlatform)
  }
}

/** Each range is a transaction of its own. Counts of one that is tried again are counted once. */
async function through(
  db: Kysely<DB>,
  table: TextTable,
  { signal, onTable, ...passing }: Passing,
  work: (transaction: Transaction<DB>, part: Part) => Promise<void>,
): Promise<void> {
  onTable?.(table.name)
  for await (const range of rangesOf(db, table, rowsAtOnce)) {
    signal.throwIfAborted()
    const found = await retryWhileLocked(signal, async () => {
      const tally = new ForgetTally()
      await db.transaction().execute(async (transaction) => {
        await sql`SELECT set_config('lock_timeout', '500ms', true)`.execute(transaction)
        await work(transaction, { ...passing, table, range, tally })
      })
      return tally
    })
    passing.tally.add(found)
  }
}

async function audit(
  db: Kysely<DB>,
  { matcher, actor, reason }: ForgetRequest,
  action: 'forget' | 'forgotten',
  changes: Partial<Pick<ForgetReport, 'done' | 'left'>>,
): Promise<void> {
  await db.transaction().execute((transaction) =>
    recordAudit(transaction, {
      actor: matcher.mask(actor),
      action,
      entityType: 'address',
      entityId: 0,
      changes: JSON.parse(
        JSON.stringify({ address: matcher.hash, reason: reason && matcher.mask(reason), ...changes }),
      ),
    }),
  )
}
