import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../until.ts'
import type { Fault } from './fault.ts'

/** All sessions of the workers are ended, again and again for a while. */
export const terminate: Fault = {
  name: 'terminate-sessions',
  plan(random) {
    const forMs = random.int(300, 1_200)
    const everyMs = random.int(20, 150)
    return {
      detail: `every ${everyMs} ms for ${forMs} ms`,
      async strike({ database }) {
        const user = new URL(database.workerUrl).username
        for (const end = performance.now() + forMs; performance.now() < end; await delay(everyMs)) {
          await database.pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [user])
        }
      },
    }
  },
}

const stopMs = 20_000

/** PostgreSQL ends as in a crash, and recovers from its log. */
export const crash: Fault = {
  name: 'postgres-crash',
  plan(random) {
    const downMs = random.int(0, 1_000)
    return {
      detail: `immediate stop, down for ${downMs} ms`,
      async strike({ cluster }) {
        const pid = await postmasterOf(cluster.dataDirectory)
        process.kill(pid, 'SIGQUIT')
        const ended = await until(() => !isAlive(pid), { withinMs: stopMs })
        if (!ended) throw new Error('PostgreSQL does not stop')
        await delay(downMs)
        await cluster.start()
      },
    }
  },
}

async function postmasterOf(dataDirectory: string): Promise<number> {
  const [pid] = (await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')
  return Number(pid)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
