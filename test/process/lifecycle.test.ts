import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listLiveWorkers } from '../../src/ops/live-workers.ts'
import { partitionsOf } from '../maintenance/maintenance.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createInstallation, type Installation } from '../support/installation.ts'
import { spawnWorker } from '../support/processes.ts'

let database: TestDatabase
let installation: Installation

beforeAll(async () => {
  database = await createTestDatabase()
  installation = await createInstallation()
})
afterAll(async () => {
  await database.drop()
  await installation.remove()
})

function startWorker(env: Record<string, string> = {}) {
  return spawnWorker({
    directory: installation.directory,
    script: 'workers/lifecycle.ts',
    env: { DATABASE_URL: database.workerUrl, ...env },
  })
}

describe('the lifecycle worker', () => {
  it('makes the coming partitions when it starts, is seen to be alive, and stops gracefully', async () => {
    const worker = startWorker()
    await worker.ready()
    expect(await listLiveWorkers(database.db)).toMatchObject([{ name: 'lifecycle', pid: worker.pid }])
    await worker.logged('partitions made')
    for (const table of ['audit_log', 'ar_view_sessions']) expect(await partitionsOf(database, table)).toHaveLength(4)
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(worker.logs.filter(({ level }) => level !== 'info')).toEqual([])
    expect(await listLiveWorkers(database.db)).toEqual([])
  })

  it('has schedules that make up for the one they missed', async () => {
    const { rows } = await database.pool.query(
      'SELECT name, cron, timezone, options FROM pgboss.schedule ORDER BY name',
    )
    expect(rows).toMatchObject([
      { name: 'lifecycle.archive-email', cron: '45 * * * *', timezone: 'UTC', options: { missed: 'once' } },
      { name: 'lifecycle.count-views', cron: '* * * * *', timezone: 'UTC', options: { missed: 'once' } },
      { name: 'lifecycle.partitions', cron: '15 0 * * *', timezone: 'UTC', options: { missed: 'once' } },
      { name: 'lifecycle.recount-storage', cron: '30 3 * * *', timezone: 'UTC', options: { missed: 'once' } },
      { name: 'lifecycle.replays', cron: '* * * * *', timezone: 'UTC', options: { missed: 'once' } },
      { name: 'lifecycle.retention', cron: '15 2 * * *', timezone: 'UTC', options: { missed: 'once' } },
      { name: 'lifecycle.rotate-videos', cron: '* * * * *', timezone: 'UTC', options: { missed: 'once' } },
      { name: 'lifecycle.sweep', cron: '*/10 * * * *', timezone: 'UTC', options: { missed: 'once' } },
      {
        name: 'lifecycle.withdraw-storage-notices',
        cron: '*/10 * * * *',
        timezone: 'UTC',
        options: { missed: 'once' },
      },
    ])
  })

  it('rotates videos with the rights of a worker', async () => {
    await database.pool.query(`
      INSERT INTO projects (id, company_id, name, slug) VALUES (9, 1, 'P', 'p9');
      INSERT INTO portraits (id, company_id, file_path) VALUES (9, 1, 'a.jpg');
      INSERT INTO videos (id, portrait_id, file_path, schedule_end)
      VALUES (91, 9, '1.mp4', now() - interval '1 day'), (92, 9, '2.mp4', NULL), (93, 9, '3.mp4', NULL);
      INSERT INTO ar_content (id, project_id, company_id, title, image_path, active_video_id)
      VALUES (9, 9, 1, 'T', 'i', 91), (10, 9, 1, 'T', 'i', 92), (11, 9, 1, 'T', 'i', 92);
      INSERT INTO video_rotation_schedules (ar_content_id, rotation_type, video_sequence, next_rotation_at)
      VALUES (9, 'daily', '{91,92}', '2999-01-01'), (10, 'daily', '{92,404,93}', '2026-01-01'), (11, 'often', '{92,93}', NULL)`)
    const worker = startWorker()
    await worker.ready()
    await database.pool.query(`INSERT INTO pgboss.job (name, policy) VALUES ('lifecycle.rotate-videos', 'short')`)
    expect(await worker.logged('videos rotated')).toMatchObject({ closed: 1, replaced: 1, rotated: 1, left: 0 })
    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null })
    const { rows } = await database.pool.query(`
      SELECT (SELECT array_agg(active_video_id ORDER BY id) FROM ar_content) AS playing,
             (SELECT array_agg(reason::text ORDER BY reason) FROM fleet.rotation_faults) AS faults`)
    expect(rows).toEqual([{ playing: [92, 93, 92], faults: ['bad_video', 'unknown_type'] }])
  })

  it('drops what is past its retention when told to', async () => {
    await database.pool.query(
      `INSERT INTO audit_log (entity_type, entity_id, action, created_at) VALUES ('a', 1, 'b', '2001-01-01')`,
    )
    const worker = startWorker({ RETENTION_AUDIT_LOG: '10 years' })
    await worker.ready()
    await database.pool.query(`INSERT INTO pgboss.job (name, policy) VALUES ('lifecycle.retention', 'short')`)
    expect(await worker.logged('past retention: dropped')).toMatchObject({ table: 'public.audit_log', rows: 1 })
    expect(await worker.stop('SIGINT')).toEqual({ code: 0, signal: null })
  })

  it('does not start with a retention that it cannot read', async () => {
    const worker = startWorker({ RETENTION_AUDIT_LOG: 'soon', RETENTION_VIEW_SESSIONS: '0 days' })
    expect(await worker.exit).toEqual({ code: 78, signal: null })
    expect(await worker.stderr).toMatch(
      /RETENTION_AUDIT_LOG: given "soon".*\n.*\n.*RETENTION_VIEW_SESSIONS: given "0 days"/,
    )
  })
})
