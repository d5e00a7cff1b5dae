import { describe, expect, test } from 'vitest'
import { migrateTo, migrateUp } from '../../src/db/migrator.ts'
import { done, setRotation } from './rotation-scene.ts'

const scene = setRotation()
const bounds = () => scene.query(`SELECT video_id AS id, bound, at::text FROM fleet.video_bounds ORDER BY at`)

describe('a window', () => {
  test('opens and closes at its moments, and acts at no other time', async () => {
    await scene.query(`
      UPDATE videos SET is_active = false, schedule_start = '2026-11-25 12:00', schedule_end = '2026-11-25 14:00' WHERE id = 2`)
    const history = []
    for (const time of ['10:00', '11:59:59.999999', '12:00', '12:01', '13:59:59', '14:00', '14:01']) {
      await scene.at(`2026-11-25 ${time}`)
      const { opened, closed } = await scene.rotate()
      history.push(`${time} ${(await scene.active()).includes(2)} ${opened} ${closed}`)
    }
    expect(history).toEqual([
      '10:00 false 0 0',
      '11:59:59.999999 false 0 0',
      '12:00 true 1 0',
      '12:01 true 0 0',
      '13:59:59 true 0 0',
      '14:00 false 0 1',
      '14:01 false 0 0',
    ])
  })

  test('that opened and closed during a downtime is closed', async () => {
    await scene.query(`
      UPDATE videos SET is_active = false, schedule_start = '2026-11-26', schedule_end = '2026-11-28' WHERE id = 2`)
    await scene.at('2026-12-05 10:00')
    await scene.rotate()
    expect([await scene.active(), await bounds()]).toEqual([[1, 3], []])
  })

  test('leaves what somebody has set by hand since', async () => {
    await scene.query(
      `UPDATE videos SET schedule_start = '2026-11-25 12:00', schedule_end = '2026-11-26 12:00' WHERE id = 2`,
    )
    await scene.at('2026-11-25 12:00')
    await scene.rotate()
    await scene.query('UPDATE videos SET is_active = false WHERE id = 2')
    await scene.at('2026-11-25 13:00')
    await scene.rotate()
    expect(await scene.active()).toEqual([1, 3])
    await scene.at('2026-11-26 12:00')
    await scene.rotate()
    await scene.query('UPDATE videos SET is_active = true WHERE id = 2')
    await scene.at('2026-11-26 13:00')
    await scene.rotate()
    expect(await scene.active()).toEqual([1, 2, 3])
  })

  test('that is moved acts at its new moments only', async () => {
    await scene.query(`UPDATE videos SET schedule_end = '2026-11-25 12:00' WHERE id = 2`)
    await scene.query(`UPDATE videos SET schedule_end = '2026-11-27 12:00' WHERE id = 2`)
    expect(await bounds()).toEqual([{ id: 2, bound: 'end', at: '2026-11-27 12:00:00' }])
    await scene.query('UPDATE videos SET schedule_end = NULL WHERE id = 2')
    expect(await bounds()).toEqual([])
  })

  test('whose bound is past when it is written acts with the next pass', async () => {
    await scene.query(`
      UPDATE videos SET schedule_end = '2026-11-25 09:59' WHERE id = 2;
      INSERT INTO videos (id, portrait_id, file_path, is_active, schedule_start) VALUES (4, 1, '4', false, '2026-11-25 09:59')`)
    expect(await scene.rotate()).toEqual({ ...done, opened: 1, closed: 1 })
    expect(await scene.active()).toEqual([1, 3, 4])
  })

  test('does not act where the UPDATE that moved it into the past says what is to be', async () => {
    await scene.query(`
      UPDATE videos SET is_active = false WHERE id = 2;
      UPDATE videos SET schedule_end = '2026-11-25 09:00', is_active = true WHERE id = 2`)
    expect(await scene.rotate()).toEqual(done)
    expect(await scene.active()).toEqual([1, 2, 3])
  })

  test('cannot slip past a pass, however late it is committed', async () => {
    const late = await scene.database().pool.connect()
    await late.query(`BEGIN; UPDATE videos SET schedule_end = '2026-11-25 12:00' WHERE id = 2`)
    await scene.at('2026-11-25 12:01')
    expect(await scene.rotate()).toEqual(done)
    await late.query('COMMIT')
    late.release()
    expect(await scene.rotate()).toEqual({ ...done, closed: 1 })
  })

  test.each(['infinity', '-infinity'])('of %s never acts', async (time) => {
    await scene.query(`UPDATE videos SET schedule_start = '${time}', schedule_end = '${time}' WHERE id = 2`)
    expect(await bounds()).toEqual([])
  })

  test('of a video that somebody has locked waits for the next pass', async () => {
    await scene.query(`UPDATE videos SET schedule_end = '2026-11-25 09:59' WHERE id IN (2, 3)`)
    const other = await scene.database().pool.connect()
    await other.query('BEGIN; SELECT FROM videos WHERE id = 2 FOR UPDATE')
    expect(await scene.rotate()).toEqual({ ...done, closed: 1 })
    await other.query('COMMIT')
    other.release()
    expect(await scene.rotate()).toEqual({ ...done, closed: 1 })
    expect(await scene.active()).toEqual([1])
  })

  test('that the video no longer says does not act', async () => {
    await scene.query(`
      UPDATE videos SET is_active = false WHERE id = 2;
      INSERT INTO fleet.video_bounds VALUES (2, 'start', '2026-11-25 09:00')`)
    expect(await scene.rotate()).toEqual(done)
    expect([await scene.active(), await bounds()]).toEqual([[1, 3], []])
  })

  test('of a video that is gone is forgotten when it comes', async () => {
    await scene.query(
      `UPDATE videos SET schedule_end = '2026-11-25 09:59' WHERE id = 2; DELETE FROM videos WHERE id = 2`,
    )
    expect(await scene.rotate()).toEqual(done)
    expect(await bounds()).toEqual([])
  })

  test('is in the audit log where it changed something', async () => {
    await scene.query(`UPDATE videos SET schedule_end = '2026-11-25 09:59' WHERE id = 2`)
    await scene.rotate()
    expect(await scene.query('SELECT entity_type, entity_id, action, actor_email, changes FROM audit_log')).toEqual([
      {
        entity_type: 'video',
        entity_id: 2,
        action: 'close',
        actor_email: 'fleet',
        changes: { is_active: { before: true, after: false } },
      },
    ])
  })

  test('that is ahead when the fleet comes acts; one that is past then does not', async () => {
    await migrateTo(scene.database().db, '20260306000150_index_subscriptions')
    await scene.query(`
      UPDATE videos SET schedule_end = '2026-11-25 09:00' WHERE id = 1;
      UPDATE videos SET schedule_end = '2026-11-25 12:00' WHERE id = 2`)
    await migrateUp(scene.database().db)
    expect(await bounds()).toEqual([{ id: 2, bound: 'end', at: '2026-11-25 12:00:00' }])
  })
})

describe('a video that plays when its window closes', () => {
  const tomorrow = { next_rotation_at: `'2026-11-26 09:00'` }
  const close = (id = 1) => scene.query(`UPDATE videos SET schedule_end = '2026-11-25 09:59' WHERE id = ${id}`)

  test('makes room for the next of its schedule, whose next moment stays', async () => {
    await scene.insert(tomorrow)
    await close()
    expect(await scene.rotate()).toEqual({ ...done, closed: 1, replaced: 1 })
    expect([await scene.playing(), await scene.schedules(), await scene.faults()]).toEqual([
      [2],
      [{ id: 1, index: 1, last: '2026-11-25 10:00:00', next: '2026-11-26 09:00:00' }],
      [],
    ])
    expect(await scene.query(`SELECT entity_type, changes FROM audit_log WHERE entity_type = 'ar_content'`)).toEqual([
      { entity_type: 'ar_content', changes: { active_video_id: { before: 1, after: 2 } } },
    ])
  })

  test('makes one step where its schedule is due at the same moment', async () => {
    await scene.insert({})
    await close()
    expect(await scene.rotate()).toEqual({ ...done, closed: 1, replaced: 1 })
    expect([await scene.playing(), (await scene.schedules())[0]?.next]).toEqual([[2], '2026-11-26 09:00:00'])
  })

  test('makes room wherever it plays', async () => {
    await scene.insert(tomorrow)
    await scene.insert({ ...tomorrow, video_sequence: `'{1,3}'` }, { is_active: 'false' })
    await scene.insert(tomorrow, { active_video_id: '3' })
    await close()
    expect(await scene.rotate()).toEqual({ ...done, closed: 1, replaced: 2 })
    expect(await scene.playing()).toEqual([2, 3, 3])
  })

  test.each<[string, Record<string, string>]>([
    ['whose schedule is not in force', { is_active: '0' }],
    ['whose schedule has no other', { video_sequence: `'{1}'` }],
    ['whose schedule is empty', { video_sequence: `'{}'` }],
  ])('%s goes on, and that is recorded until it is mended', async (_, columns) => {
    await scene.insert({ ...tomorrow, ...columns })
    await close()
    expect(await scene.rotate()).toEqual({ ...done, closed: 1 })
    expect([await scene.playing(), await scene.faults()]).toEqual([[1], ['ar_content 1: window_closed']])
    expect(await scene.rotate()).toEqual(done)
    expect(await scene.faults()).toHaveLength(1)
    await scene.query('UPDATE ar_content SET active_video_id = 3')
    await scene.rotate()
    expect(await scene.faults()).toEqual([])
  })

  test('stays whole with its content where somebody has that locked', async () => {
    await scene.insert(tomorrow)
    await close()
    for (const statement of [
      'UPDATE ar_content SET title = title',
      'UPDATE video_rotation_schedules SET current_index = current_index',
      'UPDATE videos SET title = title WHERE id = 2',
    ]) {
      const other = await scene.database().pool.connect()
      await other.query(`BEGIN; ${statement}`)
      expect(await scene.rotate()).toEqual(done)
      await other.query('ROLLBACK')
      other.release()
      expect([await scene.playing(), await scene.active()]).toEqual([[1], [1, 2, 3]])
    }
    expect(await scene.rotate()).toEqual({ ...done, closed: 1, replaced: 1 })
  })
})

test('a rotation plays no video outside its window, whatever is_active says, and calls that no fault', async () => {
  await scene.insert({})
  await scene.query(`UPDATE videos SET schedule_start = '2026-12-01' WHERE id = 2`)
  expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
  expect([await scene.playing(), await scene.faults()]).toEqual([[3], []])
})

test('two passes at once close a window and replace its video once', async () => {
  await scene.insert({ next_rotation_at: `'2026-11-26 09:00'` })
  await scene.query(`UPDATE videos SET schedule_end = '2026-11-25 09:59' WHERE id = 1`)
  const passes = await Promise.all([scene.rotate(), scene.rotate()])
  expect(passes.map(({ closed }) => closed).sort()).toEqual([0, 1])
  expect([await scene.playing(), (await scene.schedules())[0]?.index]).toEqual([[2], 1])
})
