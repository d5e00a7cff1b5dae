/**
 * What counting views costs: an INSERT into ar_view_sessions, one visit a statement, with nothing counted (`none`), with the row that
 * the fleet's trigger leaves (`queue`), and with what a watermark over transaction ids would take (`txid`: a column with its default,
 * indexed); then a pass of each kind. The three take turns, so that whatever else the machine does meets them all.
 *
 *   node bench/count-views.ts [visits] [rounds]
 */
import process from 'node:process'
import { pino } from 'pino'
import { migrateUp } from '../src/db/migrator.ts'
import { countViews } from '../src/usage/view-count.ts'
import { startCluster } from '../test/support/cluster.ts'
import { createEmptyTestDatabase } from '../test/support/database.ts'
import { median, ms } from './support/quantiles.ts'

const visits = Number(process.argv[2] ?? 100_000)
const rounds = Number(process.argv[3] ?? 5)

const cluster = await startCluster({ durable: true, settings: { max_wal_size: '8GB', autovacuum: 'off' } })
const { db, pool } = await createEmptyTestDatabase(cluster.adminUrl)
await migrateUp(db)
await pool.query(`
  INSERT INTO companies (id, name, slug) VALUES (900, 'Bench', 'bench');
  INSERT INTO projects (id, company_id, name, slug) VALUES (900, 900, 'Bench', 'bench');
  INSERT INTO ar_content (id, project_id, company_id, title, image_path)
  SELECT n, 900, 900, 'Content ' || n, '/i' FROM generate_series(1, 5000) n`)

const onlyNote = 'ALTER TABLE ar_view_sessions ENABLE TRIGGER ar_view_sessions_note'
const noNote = 'ALTER TABLE ar_view_sessions DISABLE TRIGGER ar_view_sessions_note'
const variants = {
  none: { on: noNote, off: onlyNote, pass: async () => {} },
  queue: {
    on: onlyNote,
    off: 'SELECT',
    pass: () => countViews({ db, signal: new AbortController().signal, log: pino({ level: 'warn' }) }),
  },
  txid: {
    on: `${noNote}; ALTER TABLE ar_view_sessions ADD COLUMN written_by bigint;
         ALTER TABLE ar_view_sessions ALTER COLUMN written_by SET DEFAULT txid_current();
         CREATE INDEX ix_written_by ON ar_view_sessions (written_by);
         CREATE TABLE watermark AS SELECT txid_snapshot_xmin(txid_current_snapshot()) AS seen`,
    off: `ALTER TABLE ar_view_sessions DROP COLUMN written_by; DROP TABLE watermark; ${onlyNote}`,
    pass: passByTransactionId,
  },
}

type Times = Record<'insert' | 'pass' | 'idle', number[]>
const times: Record<string, Times> = Object.fromEntries(
  Object.keys(variants).map((name): [string, Times] => [name, { insert: [], pass: [], idle: [] }]),
)
for (let round = 0; round < rounds; round += 1) {
  for (const [name, { on, off, pass }] of Object.entries(variants)) {
    await pool.query(`TRUNCATE ar_view_sessions, fleet.uncounted_views; UPDATE ar_content SET views_count = 0; ${on}`)
    await pool.query('VACUUM ANALYZE ar_content')
    times[name]?.insert.push((await timed(insertVisits)) / visits)
    times[name]?.pass.push(await timed(pass))
    times[name]?.idle.push(await timed(pass))
    const { rows } = await pool.query('SELECT sum(views_count)::int AS counted FROM ar_content')
    if (name !== 'none' && rows[0].counted !== visits)
      throw new Error(`${name}: ${rows[0].counted} of ${visits} counted`)
    await pool.query(off)
  }
}
console.table(
  Object.fromEntries(
    Object.entries(times).map(([name, { insert, pass, idle }]) => [
      name,
      {
        'an INSERT': `${(median(insert) * 1_000).toFixed(1)} µs`,
        'at best': `${(Math.min(...insert) * 1_000).toFixed(1)} µs`,
        [`a pass over ${visits}`]: ms(median(pass)),
        'the best': ms(Math.min(...pass)),
        'nothing new': ms(median(idle)),
        'the least': ms(Math.min(...idle)),
      },
    ]),
  ),
)
await pool.end()
await cluster.remove()

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await act()
  return performance.now() - startedAt
}

/** Statement by statement, and 1,000 in a transaction: what the server does, not how long the disk takes to answer. */
async function insertVisits(): Promise<void> {
  for (let done = 0; done < visits; done += 1_000) {
    await pool.query(`
      DO $$ BEGIN
        FOR i IN 1..1000 LOOP
          INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id, user_agent, device_type, browser, ip_address)
          VALUES (1 + (random() * 4999)::int, 900, 900, 'Mozilla/5.0', 'mobile', 'Safari', '203.0.113.7');
        END LOOP;
      END $$`)
  }
}

async function passByTransactionId(): Promise<void> {
  await pool.query(`
    DO $$ DECLARE from_id bigint; to_id bigint := txid_snapshot_xmin(txid_current_snapshot()); BEGIN
      SELECT seen INTO from_id FROM watermark FOR UPDATE;
      UPDATE ar_content AS c SET views_count = c.views_count + t.views, last_viewed_at = greatest(c.last_viewed_at, t.last_viewed_at)
        FROM (SELECT ar_content_id, count(*) AS views, max(created_at) AS last_viewed_at FROM ar_view_sessions
               WHERE written_by >= from_id AND written_by < to_id GROUP BY ar_content_id) AS t
       WHERE t.ar_content_id = c.id;
      UPDATE watermark SET seen = to_id;
    END $$`)
}
