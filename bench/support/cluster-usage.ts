import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import type { TestCluster } from '../../test/support/cluster.ts'

/** What a PostgreSQL has used since it was started. */
export interface ClusterUsage {
  /** All its processes, also those that have ended. */
  readonly cpuMicros: number
  readonly walBytes: number
  /** Pages asked for in this database, wherever they were found. */
  readonly buffers: number
}

/** The kernel counts in hundredths of a second. */
const microsPerTick = 10_000

export async function readUsage(cluster: TestCluster, pool: pg.Pool): Promise<ClusterUsage> {
  const { rows } = await pool.query<{ wal: string; buffers: string }>(`
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS wal, blks_hit + blks_read AS buffers
      FROM pg_stat_database WHERE datname = current_database()`)
  return {
    cpuMicros: await cpuMicros(cluster),
    walBytes: Number(rows[0]?.wal),
    buffers: Number(rows[0]?.buffers),
  }
}

async function cpuMicros({ dataDirectory }: TestCluster): Promise<number> {
  const [postmaster = ''] = (await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8')
  const { own, waitedFor } = await ticks(postmaster)
  const live = await Promise.all(children.trim().split(' ').map(ticks))
  return live.reduce((sum, child) => sum + child.own, own + waitedFor) * microsPerTick
}

/** Of the process itself, and of its children that have ended. One that has just ended counts with its parent. */
async function ticks(pid: string): Promise<{ own: number; waitedFor: number }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // After the name, which may hold anything: state, and 10 numbers before utime, stime, cutime, cstime.
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 15)
    .map(Number)
  return { own: utime + stime, waitedFor: cutime + cstime }
}
