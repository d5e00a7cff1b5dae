/**
 * From spawning a worker to its word that it is ready, and the CPU time it took (user and system, in steps of 10 ms), on a local PostgreSQL; after one start
 * that fills the cache of compiled code.
 *
 *   node bench/start.ts [email|lifecycle] [starts]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { migrateUp } from '../src/db/migrator.ts'
import { startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'
import { ms, quantile } from './quantiles.ts'

const [name = 'email', starts = '20'] = process.argv.slice(2)
const project = join(import.meta.dirname, '..')
const cluster = await startCluster({ durable: true })
const database = await createEmptyTestDatabase(cluster.adminUrl)
await migrateUp(database.db)

const cases = {
  'as PM2 starts it': { NODE_COMPILE_CACHE: join(project, 'node_modules/.cache/compiled') },
  'by "node workers/…"': {},
}
const measured = Object.entries(cases).map(([title, env]) => ({
  title,
  env,
  wall: [] as number[],
  cpu: [] as number[],
}))
for (const { env } of measured) await start(env)
for (let n = 0; n < Number(starts); n += 1) {
  for (const { env, wall, cpu } of measured) {
    const figures = await start(env)
    wall.push(figures.wallMs)
    cpu.push(figures.cpuMs)
  }
}
console.table(
  Object.fromEntries(
    measured.map(({ title, wall, cpu }) => [
      title,
      { ready: ms(quantile(wall, 0.5)), best: ms(Math.min(...wall)), CPU: ms(quantile(cpu, 0.5)) },
    ]),
  ),
)
await database.drop()
await cluster.remove()

async function start(env: Record<string, string>): Promise<{ wallMs: number; cpuMs: number }> {
  const before = performance.now()
  const worker = spawn(process.execPath, [join(project, `workers/${name}.ts`)], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: database.url,
      SMTP_URL: 'smtp://127.0.0.1:1',
      LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  await once(worker, 'message')
  const wallMs = performance.now() - before
  const cpuMs = cpuOf(worker.pid)
  worker.kill('SIGTERM')
  await once(worker, 'exit')
  return { wallMs, cpuMs }
}

/** What Linux counts, in hundredths of a second; elsewhere nothing is. */
function cpuOf(pid: number | undefined): number {
  if (process.platform !== 'linux') return Number.NaN
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
