import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { faultReasons } from '../../src/rotation/rotation-fault.ts'
import { done, setRotation } from '../rotation/rotation-scene.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/rotation.md'), 'utf8')
const statements = [...page.matchAll(/^```sql\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
  block
    .split(/;.*\n/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== ''),
)
const starting = (word: string) => statements.filter((statement) => statement.startsWith(word))

describe('the page about rotation', () => {
  const scene = setRotation()
  const insertContent = () =>
    scene.query(`
      INSERT INTO videos (id, portrait_id, file_path) SELECT id, 1, 'v.mp4' FROM generate_series(11, 13) AS id;
      INSERT INTO ar_content (id, project_id, company_id, title, image_path, active_video_id) VALUES (7, 1, 1, 'T', 'i', 11)`)

  test('has statements of these kinds', () => {
    expect([starting('INSERT').length, starting('UPDATE').length, starting('SELECT').length]).toEqual([1, 3, 2])
    expect(statements).toHaveLength(6)
  })

  test('shows a schedule that rotates when it says', async () => {
    await insertContent()
    await scene.query(starting('INSERT')[0] ?? '')
    expect(await scene.rotate()).toEqual({ ...done, scheduled: 1 })
    expect((await scene.schedules())[0]?.next).toBe('2026-11-30 06:00:00')
    await scene.query(starting('UPDATE')[0] ?? '')
    expect(await scene.rotate()).toEqual({ ...done, rotated: 1 })
    expect(await scene.playing()).toEqual([12])
    expect((await scene.schedules())[0]?.next).toBe('2026-11-30 06:00:00')
  })

  test.each(starting('UPDATE'))('changes a row: %s', async (statement) => {
    await insertContent()
    await scene.query(starting('INSERT')[0] ?? '')
    expect((await scene.database().pool.query(statement)).rowCount).toBe(1)
  })

  test.each(starting('SELECT'))('answers, with the rights of who may only read: %s', async (statement) => {
    await scene.insert({ video_sequence: 'NULL' })
    await scene.query(`UPDATE videos SET schedule_end = '2026-11-25 09:00' WHERE id = 3`)
    await scene.rotate()
    const client = await scene.database().pool.connect()
    try {
      await client.query('SET ROLE fleet_readonly')
      expect((await client.query(statement)).rows).not.toEqual([])
    } finally {
      await client.query('RESET ROLE')
      client.release()
    }
  })

  test('lists every reason of a fault', () => {
    const [, table = ''] = page.split('| `reason` |')
    const listed = [...table.matchAll(/^\| (`.*?`) \|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/`(\w+)`/g)])
    expect(listed.map(([, reason]) => reason).sort()).toEqual([...faultReasons].sort())
  })
})
