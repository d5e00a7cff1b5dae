// Runs as a process of its own: starts the embedded PostgreSQL in the folder given, says so in a line of JSON, and at
// SIGINT does what a worker's drain does, a last statement, before it stops the server.
import pg from 'pg'
import { startEmbedded } from '../../../src/db/embedded/embedded.ts'
import { EmbeddedError } from '../../../src/db/embedded/embedded-error.ts'

const directory = process.argv[2] ?? ''
try {
  const { url, pid, stop } = await startEmbedded({ directory })
  process.once('SIGINT', async () => {
    const client = new pg.Client(url)
    await client.connect()
    const { rows } = await client.query('SELECT 1 AS drained')
    await client.end()
    await stop()
    process.stdout.write(`${JSON.stringify(rows[0])}\n`)
    process.exit(0)
  })
  // Keeps the process alive until then.
  setInterval(() => {}, 60_000)
  process.stdout.write(`${JSON.stringify({ url, pid })}\n`)
} catch (error) {
  const { code, message } = error as EmbeddedError
  process.stdout.write(`${JSON.stringify({ code, message })}\n`)
  process.exit(error instanceof EmbeddedError ? 1 : 70)
}
