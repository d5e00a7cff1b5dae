import process from 'node:process'
import type { Kysely } from 'kysely'
import type { Database } from '../db/pool.ts'
import type { DB } from '../db/schema.ts'
import type { DatabaseNeeds } from './database.ts'
import { type Screen, screenOf } from './screen.ts'

/** What a command has to do with: its output, the person at the terminal, the database. */
export class Session {
  readonly json: boolean
  /** Where the answer is written. */
  readonly screen: Screen = screenOf(process.stdout, process.env)
  /** Whether somebody is there to be asked. */
  readonly isInteractive: boolean = process.stdin.isTTY === true && process.stderr.isTTY === true
  #database: Database | undefined

  constructor({ json }: { readonly json: boolean }) {
    this.json = json
  }

  /** Opens the database of the command; it is closed when the command ends. */
  async openDatabase(needs: Omit<DatabaseNeeds, 'onWarning' | 'onNotice'> = {}): Promise<Kysely<DB>> {
    const { openDatabase } = await import('./database.ts')
    this.#database = await this.progress('Connecting to the database', () =>
      openDatabase({
        ...needs,
        onWarning: (warning) => this.say(`warning: ${warning}`),
        onNotice: (notice) => this.say(`database: ${notice}`),
      }),
    )
    return this.#database.db
  }

  /** Tells the person, not the program that reads the answer. */
  say(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  /** Shows on a terminal that something is going on, as soon as it takes longer than a second. The work may `tell` what it is at. */
  async progress<T>(text: string, work: (tell: (text: string) => void) => Promise<T>): Promise<T> {
    if (process.stderr.isTTY !== true) return work(() => {})
    const { withSpinner } = await import('./spinner.ts')
    return withSpinner(text, work)
  }

  /** Asks a question that is answered with yes or no; no is the default. Only where `isInteractive`. */
  async ask(question: string): Promise<boolean> {
    const { askYesOrNo } = await import('./question.ts')
    return askYesOrNo(question)
  }

  async close(): Promise<void> {
    await this.#database?.close()
  }
}
