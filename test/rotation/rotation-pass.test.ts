import { describe, expect, test } from 'vitest'
import { faultReasons } from '../../src/rotation/rotation-fault.ts'
import { rotateDue } from '../../src/rotation/rotation-pass.ts'
import { takeStep } from '../../src/rotation/rotation-store.ts'
import { maintenanceOf } from '../maintenance/maintenance.ts'
import { done, setRotation } from './rotation-scene.ts'

const scene = setRotation()

describe('a pass', () => {
  test('moves what plays, its place and the times together, once', async () => {
    await scene.insert({})
    expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
    const after = [{ id: 1, index: 1, last: '2026-11-25 10:00:00', next: '2026-11-26 09:00:00' }]
    expect([await scene.playing(), await scene.schedules()]).toEqual([[2], after])
    expect(await scene.rotate()).toEqual(done)
    expect([await scene.playing(), await scene.schedules()]).toEqual([[2], after])
  })

  test('makes one step after ten days of downtime, and goes on from now', async () => {
    await scene.insert({})
    await scene.insert({ rotation_type: `'hourly'`, cron_expression: `'0 * * * *'` })
    await scene.at('2026-12-05 17:20')
    expect(await scene.rotate()).toEqual({ ...done, rotated: 2 })
    expect(await scene.playing()).toEqual([2, 2])
    expect((await scene.schedules()).map(({ next }) => next)).toEqual(['2026-12-06 09:00:00', '2026-12-05 18:00:00'])
  })

  test('goes round: day by day the videos come in their order', async () => {
    await scene.insert({})
    const played = []
    for (const day of ['25', '26', '27', '28']) {
      await scene.at(`2026-11-${day} 09:00`)
      await scene.rotate()
      played.push(...(await scene.playing()))
    }
    expect(played).toEqual([2, 3, 1, 2])
  })

  test('picks at random where the schedule or its content says so, never what plays', async () => {
    await scene.insert({ rotation_type: `'random'` })
    await scene.insert({ rotation_type: `'weekly'`, day_of_week: '1' }, { video_rotation_type: `'random'` })
    await scene.rotate(() => 0.99)
    expect(await scene.playing()).toEqual([3, 3])
    expect((await scene.schedules()).map(({ index }) => index)).toEqual([2, 2])
  })

  test('gives a schedule without a next moment its first one, and makes no step', async () => {
    await scene.insert({ next_rotation_at: 'NULL' })
    await scene.insert({ next_rotation_at: 'NULL', is_active: '0' })
    expect(await scene.rotate()).toEqual({ ...done, scheduled: 1 })
    expect(await scene.playing()).toEqual([1, 1])
    expect(await scene.schedules()).toEqual([
      { id: 1, index: 0, last: null, next: '2026-11-26 09:00:00' },
      { id: 2, index: 0, last: null, next: null },
    ])
  })

  test('gives hundreds of them theirs', async () => {
    await scene.insert({ next_rotation_at: 'NULL' })
    await scene.query(`
      INSERT INTO video_rotation_schedules (ar_content_id, rotation_type) SELECT 1, 'daily' FROM generate_series(2, 1100)`)
    expect(await scene.rotate()).toEqual({ ...done, scheduled: 1_100 })
  })

  test('leaves a schedule alone that is not in force; NULL counts as in force', async () => {
    await scene.insert({ is_active: '0' })
    await scene.insert({ is_active: 'NULL' })
    expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
    expect(await scene.playing()).toEqual([1, 2])
    expect((await scene.schedules())[0]?.next).toBe('2026-11-25 09:00:00')
  })

  test.each([
    ['content that is inactive', 'UPDATE ar_content SET is_active = false'],
    ['content that has expired', `UPDATE ar_content SET expires_at = '2026-11-25 10:00'`],
    ['a project that has expired', `UPDATE projects SET status = 'expired'`],
    ['a company that is inactive', 'UPDATE companies SET is_active = false'],
  ])('makes no step for %s, and does not look at it again before its next moment', async (_, statement) => {
    await scene.insert({})
    await scene.query(statement)
    expect(await scene.rotate()).toEqual({ ...done, passedOver: 1 })
    expect(await scene.rotate()).toEqual(done)
    expect(await scene.playing()).toEqual([1])
    expect(await scene.schedules()).toEqual([{ id: 1, index: 0, last: null, next: '2026-11-26 09:00:00' }])
  })

  test('takes NULL for active, everywhere', async () => {
    await scene.insert({}, { is_active: 'NULL' })
    await scene.query(`
      UPDATE projects SET status = NULL; UPDATE companies SET is_active = NULL;
      UPDATE videos SET status = NULL, is_active = NULL`)
    expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
  })
})

describe('of a schedule that is changed', () => {
  test.each([
    `time_of_day = '18:00'`,
    `rotation_type = 'weekly', day_of_week = 3, time_of_day = '18:00'`,
    `cron_expression = '0 18 * * *'`,
  ])('%s, the next moment is worked out anew', async (change) => {
    await scene.insert({ next_rotation_at: `'2026-11-26 09:00'` })
    await scene.query(`UPDATE video_rotation_schedules SET ${change}`)
    expect(await scene.rotate()).toEqual({ ...done, scheduled: 1 })
    expect((await scene.schedules())[0]?.next).toBe('2026-11-25 18:00:00')
  })

  test('the next moment stands that the same UPDATE gives', async () => {
    await scene.insert({})
    await scene.query(
      `UPDATE video_rotation_schedules SET time_of_day = '18:00', next_rotation_at = '2026-12-24 18:00'`,
    )
    expect(await scene.rotate()).toEqual(done)
    expect((await scene.schedules())[0]?.next).toBe('2026-12-24 18:00:00')
  })

  test('a schedule that is switched on again waits for its next moment', async () => {
    await scene.insert({ is_active: '0' })
    await scene.query('UPDATE video_rotation_schedules SET is_active = 1')
    expect(await scene.rotate()).toEqual({ ...done, scheduled: 1 })
    expect(await scene.playing()).toEqual([1])
  })
})

describe('wrong data', () => {
  test.each<[string, Record<string, string>, string]>([
    ['an empty sequence', { video_sequence: `'{}'` }, 'empty_sequence'],
    ['a sequence of NULL', { video_sequence: 'NULL' }, 'empty_sequence'],
    ['videos that are not there', { video_sequence: `'{404,NULL}'` }, 'no_video'],
    ['a video of another company', { video_sequence: `'{9}'` }, 'no_video'],
  ])('%s is recorded, and tried again at the next moment', async (_, columns, reason) => {
    await scene.insert(columns)
    expect(await scene.rotate()).toEqual({ ...done, faulty: 1 })
    expect(await scene.rotate()).toEqual(done)
    expect(await scene.playing()).toEqual([1])
    expect(await scene.schedules()).toEqual([{ id: 1, index: 0, last: null, next: '2026-11-26 09:00:00' }])
    expect(await scene.faults()).toEqual([`schedules 1: ${reason}`])
    const times = await scene.query(
      'SELECT since AT TIME ZONE $$UTC$$ AS since, retry_at AT TIME ZONE $$UTC$$ AS retry FROM fleet.rotation_faults',
    )
    expect(times).toEqual([{ since: new Date('2026-11-25T10:00Z'), retry: new Date('2026-11-26T09:00Z') }])
  })

  test.each<[string, Record<string, string>, string]>([
    ['a day that is none', { rotation_type: `'weekly'`, day_of_week: '9' }, 'bad_day'],
    ['a month without its day', { rotation_type: `'monthly'` }, 'bad_day'],
    ['a type that is none', { rotation_type: `'often'` }, 'unknown_type'],
    ['an expression that is none', { cron_expression: `'every day'` }, 'bad_expression'],
    ['an expression that nothing matches', { cron_expression: `'0 0 30 2 *'` }, 'bad_expression'],
  ])('%s is recorded, tried again after an hour, and at once when it is mended', async (_, columns, reason) => {
    await scene.insert(columns)
    expect(await scene.rotate()).toEqual({ ...done, faulty: 1 })
    expect(await scene.rotate()).toEqual(done)
    expect(await scene.faults()).toEqual([`schedules 1: ${reason}`])
    await scene.at('2026-11-25 10:59')
    expect(await scene.rotate()).toEqual(done)
    await scene.at('2026-11-25 11:00')
    expect(await scene.rotate()).toEqual({ ...done, faulty: 1 })
    expect(await scene.rotate()).toEqual(done)
    expect(
      await scene.query(
        `SELECT FROM fleet.rotation_faults WHERE retry_at = '2026-11-25 12:00Z' AND since = '2026-11-25 10:00Z'`,
      ),
    ).toHaveLength(1)
    await scene.query(
      `UPDATE video_rotation_schedules SET rotation_type = 'daily', cron_expression = NULL, day_of_week = NULL, time_of_day = '09:00'`,
    )
    expect(await scene.faults()).toEqual([])
    expect(await scene.rotate()).toEqual({ ...done, scheduled: 1 })
    expect(await scene.playing()).toEqual([1])
  })

  test('of one schedule does not keep the others', async () => {
    await scene.insert({ video_sequence: 'NULL' })
    await scene.insert({ cron_expression: `'x'` })
    await scene.insert({})
    expect(await scene.rotate()).toEqual({ ...done, faulty: 2, rotated: 1 })
  })

  test('a missing and an inactive video are passed over and recorded until they are gone from the sequence', async () => {
    await scene.insert({ video_sequence: `'{1,404,2,3}'` })
    await scene.query('UPDATE videos SET is_active = false WHERE id = 2')
    expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
    expect([await scene.playing(), await scene.faults()]).toEqual([[3], ['schedules 1: bad_video']])
    await scene.query(`UPDATE video_rotation_schedules SET video_sequence = '{1,3}', current_index = 1`)
    await scene.at('2026-11-26 09:00')
    await scene.rotate()
    expect([await scene.playing(), await scene.faults()]).toEqual([[1], []])
  })

  test.each(['NULL', '7', '-1'])(
    'an index of %s is put right by what plays, and recorded until the next step',
    async (index) => {
      await scene.insert({ current_index: index }, { active_video_id: '2' })
      expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
      expect([await scene.playing(), await scene.faults()]).toEqual([[3], ['schedules 1: bad_index']])
      await scene.at('2026-11-26 09:00')
      await scene.rotate()
      expect([await scene.playing(), await scene.faults()]).toEqual([[1], []])
    },
  )

  test('a sequence of two dimensions is read in its order', async () => {
    await scene.insert({ video_sequence: `'{{1,2},{3,1}}'`, current_index: '1' })
    await scene.rotate()
    expect(await scene.playing()).toEqual([3])
  })

  test('what the database refuses is recorded, and waits for its next moment', async () => {
    await scene.insert({})
    await scene.insert({})
    await scene.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON ar_content FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION refuse()`)
    expect(await scene.rotate()).toEqual({ ...done, faulty: 1, rotated: 1 })
    expect(await scene.rotate()).toEqual(done)
    expect(await scene.query('SELECT reason, detail FROM fleet.rotation_faults')).toEqual([
      { reason: 'refused', detail: 'not this one' },
    ])
    expect((await scene.schedules()).map(({ next, index }) => [next, index])).toEqual([
      ['2026-11-26 09:00:00', 0],
      ['2026-11-26 09:00:00', 1],
    ])
    await scene.query('DROP FUNCTION refuse() CASCADE')
  })

  test('goes with its schedule', async () => {
    await scene.insert({ video_sequence: 'NULL' })
    await scene.rotate()
    await scene.query('DELETE FROM ar_content')
    expect(await scene.faults()).toEqual([])
  })

  test('has the words that the table allows', async () => {
    const [row] = await scene.query<{ words: string[] }>(`
      SELECT ARRAY(SELECT (regexp_matches(pg_get_constraintdef(oid), '''(\\w+)''', 'g'))[1]) AS words
        FROM pg_constraint WHERE conname = 'ck_rotation_faults_reason'`)
    expect(row?.words.sort()).toEqual([...faultReasons].sort())
  })
})

describe('passes at once', () => {
  test('make each step once between them', async () => {
    await scene.insert({})
    await scene.query(`
      INSERT INTO ar_content (project_id, company_id, title, image_path, active_video_id)
      SELECT 1, 1, 'T', 'i', 1 FROM generate_series(2, 200);
      INSERT INTO video_rotation_schedules (ar_content_id, rotation_type, video_sequence, next_rotation_at)
      SELECT n, 'daily', '{1,2,3}', '2026-11-25 09:00' FROM generate_series(2, 200) AS n`)
    const passes = await Promise.all([scene.rotate(), scene.rotate(), scene.rotate()])
    expect(passes.reduce((sum, { rotated }) => sum + rotated, 0)).toBe(200)
    expect(new Set(await scene.playing())).toEqual(new Set([2]))
    expect(new Set((await scene.schedules()).map(({ index }) => index))).toEqual(new Set([1]))
  })

  test.each([
    ['the schedule', 'SELECT FROM video_rotation_schedules WHERE id = 1 FOR UPDATE'],
    ['the content', 'UPDATE ar_content SET title = title WHERE id = 1'],
    ['the next video', 'UPDATE videos SET title = title WHERE id = 2'],
  ])('leave what another session has locked: %s', async (_, statement) => {
    await scene.insert({})
    await scene.insert({ video_sequence: `'{1,3}'` })
    const other = await scene.database().pool.connect()
    await other.query(`BEGIN; ${statement}`)
    expect(await scene.rotate()).toEqual({ ...done, left: 1, rotated: 1 })
    expect(await scene.playing()).toEqual([1, 3])
    await other.query('COMMIT')
    other.release()
    expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
    expect(await scene.playing()).toEqual([2, 3])
  })

  test('do not mind a visit that refers to the content', async () => {
    await scene.insert({})
    const visitor = await scene.database().pool.connect()
    await visitor.query('BEGIN; INSERT INTO ar_view_sessions (ar_content_id, project_id, company_id) VALUES (1, 1, 1)')
    expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
    await visitor.query('ROLLBACK')
    visitor.release()
  })
})

test('a video whose turn it is cannot be closed before the step is committed', async () => {
  const id = await scene.insert({})
  const { db } = scene.database()
  const close = async () => scene.query('SELECT FROM videos WHERE id = 2 FOR NO KEY UPDATE SKIP LOCKED')
  await db.transaction().execute(async (trx) => {
    const step = { scheduleId: id, contentId: 1, index: 1, videoId: 2, at: new Date(), nextAt: null, hasFault: false }
    expect(await takeStep(trx, step)).toBe(true)
    expect(await close()).toEqual([])
  })
  expect(await close()).toHaveLength(1)
})

describe('a pass that dies', () => {
  test('within a step has made none of it', async () => {
    await scene.insert({})
    await scene.query(`
      CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
      CREATE TRIGGER die AFTER UPDATE ON ar_content FOR EACH ROW EXECUTE FUNCTION die()`)
    await expect(scene.rotate()).rejects.toThrow()
    expect([await scene.playing(), await scene.schedules()]).toEqual([
      [1],
      [{ id: 1, index: 0, last: null, next: '2026-11-25 09:00:00' }],
    ])
    await scene.query('DROP FUNCTION die() CASCADE')
    expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
    expect(await scene.playing()).toEqual([2])
  })

  test('or is told to stop ends between two steps', async () => {
    await scene.insert({})
    await scene.insert({})
    const stopping = new AbortController()
    const random = () => {
      stopping.abort()
      return 0
    }
    const { db, log } = maintenanceOf(scene.database())
    await expect(rotateDue({ db, log, signal: stopping.signal, random })).rejects.toThrow(/abort/)
    expect(await scene.playing()).toEqual([2, 1])
  })
})
