import { createHash } from 'node:crypto'
import {
  type CompiledQuery,
  type DatabaseConnection,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import { loadMigrationFile, type MigrationFile, migrationNames } from './migration-files.ts'

/** A migration as what it is: a constant list of statements each way. */
export interface MigrationScript {
  readonly name: string
  /** The bookkeeping comes and goes with it. */
  readonly isFirst: boolean
  readonly transaction: boolean
  readonly up: readonly string[]
  readonly down: readonly string[]
  /** SHA-256 of the way up, in hexadecimal. */
  readonly checksum: string
  readonly drops: readonly string[]
}

/** What the recording connection answers to every statement. A migration that looks at it is not a constant. */
export type RecordedAnswer = readonly object[]

/**
 * This release's migrations, oldest first. Each file runs against a connection that only takes notes: no database is needed, and what
 * `fleet migrate sql` prints is what `fleet migrate up` executes.
 * @throws {Error} where a statement has bound parameters
 */
export async function readMigrationScripts(answer: RecordedAnswer = []): Promise<MigrationScript[]> {
  const names = await migrationNames()
  return Promise.all(
    names.map(async (name, index) => {
      const script = await recordMigration(name, await loadMigrationFile(name), answer)
      return { ...script, isFirst: index === 0 }
    }),
  )
}

async function recordMigration(
  name: string,
  file: MigrationFile,
  answer: RecordedAnswer,
): Promise<Omit<MigrationScript, 'isFirst'>> {
  const up = await record(file.up, answer)
  const down = await record(file.down, answer)
  const text = file.fingerprint ?? up.join('\n;\n')
  return {
    name,
    transaction: file.transaction ?? true,
    up,
    down,
    checksum: createHash('sha256').update(text).digest('hex'),
    drops: file.drops ?? [],
  }
}

async function record(migrate: MigrationFile['up'], answer: RecordedAnswer): Promise<string[]> {
  const connection = new RecordingConnection(answer)
  const db = new Kysely<unknown>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new RecordingDriver(connection),
      createIntrospector: (kysely) => new PostgresIntrospector(kysely),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  })
  await migrate(db)
  return connection.statements
}

class RecordingDriver extends DummyDriver {
  readonly #connection: RecordingConnection

  constructor(connection: RecordingConnection) {
    super()
    this.#connection = connection
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }
}

class RecordingConnection implements DatabaseConnection {
  readonly statements: string[] = []
  readonly #answer: RecordedAnswer

  constructor(answer: RecordedAnswer) {
    this.#answer = answer
  }

  async executeQuery<Row>({ sql, parameters }: CompiledQuery): Promise<QueryResult<Row>> {
    if (parameters.length > 0) throw new Error(`a migration's statement has no parameters: ${sql}`)
    this.statements.push(tidy(sql))
    return { rows: [...this.#answer] as Row[] }
  }

  // biome-ignore lint/correctness/useYield: nothing is streamed, and the interface wants a generator.
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('a migration does not stream')
  }
}

/** Without the indentation that the statement has in its file. */
function tidy(statement: string): string {
  const lines = statement
    .trimEnd()
    .replace(/^\s*\n/, '')
    .split('\n')
  const [, ...rest] = lines
  const first = lines[0] ?? ''
  const indents = (statement.startsWith('\n') ? lines : rest)
    .filter((line) => line.trim() !== '')
    .map((line) => line.length - line.trimStart().length)
  const indent = indents.length === 0 ? 0 : Math.min(...indents)
  const cut = (line: string) => (line.trim() === '' ? '' : line.slice(indent))
  return [statement.startsWith('\n') ? cut(first) : first.trimStart(), ...rest.map(cut)].join('\n')
}
