import { afterAll, beforeAll, beforeEach } from 'vitest'
import { rotateDue } from '../../src/rotation/rotation-pass.ts'
import { maintenanceOf, setClock } from '../maintenance/maintenance.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

export interface ScheduleRow {
  readonly id: number
  readonly index: number | null
  readonly last: string | null
  readonly next: string | null
}

/**
 * A database for the tests of a file, emptied before each, in which it is 10:00 on Wednesday, 25 November 2026. Company 1 has project 1,
 * portrait 1 and the videos 1, 2 and 3; company 2 has video 9.
 */
export function setRotation() {
  let database: TestDatabase
  const query = async <Row = Record<string, unknown>>(text: string): Promise<Row[]> => {
    const { rows } = await database.pool.query(text)
    return rows
  }
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())
  beforeEach(async () => {
    await query('TRUNCATE companies, fleet.video_bounds, fleet.rotation_faults, audit_log RESTART IDENTITY CASCADE')
    await setClock(database, '2026-11-25 10:00')
    await query(`
      INSERT INTO companies (id, name, slug) VALUES (1, 'One', 'one'), (2, 'Two', 'two');
      INSERT INTO projects (id, company_id, name, slug) VALUES (1, 1, 'P', 'p');
      INSERT INTO portraits (id, company_id, file_path) VALUES (1, 1, 'a.jpg'), (2, 2, 'b.jpg');
      INSERT INTO videos (id, portrait_id, file_path)
      VALUES (1, 1, '1.mp4'), (2, 1, '2.mp4'), (3, 1, '3.mp4'), (9, 2, '9.mp4')`)
  })
  return {
    query,
    database: () => database,
    at: (time: string) => setClock(database, time),
    rotate: (random?: () => number) => rotateDue({ ...maintenanceOf(database), ...(random ? { random } : {}) }),
    /** Content that plays video 1, with a schedule whose other columns are given as SQL. */
    async insert(
      columns: Readonly<Record<string, string>>,
      content: Readonly<Record<string, string>> = {},
    ): Promise<number> {
      const [row] = await query<{ id: number }>(
        insertInto('ar_content', {
          project_id: '1',
          company_id: '1',
          title: `'T'`,
          image_path: `'i'`,
          active_video_id: '1',
          ...content,
        }),
      )
      const [schedule] = await query<{ id: number }>(
        insertInto('video_rotation_schedules', {
          ar_content_id: String(row?.id),
          rotation_type: `'daily'`,
          video_sequence: `'{1,2,3}'`,
          next_rotation_at: `'2026-11-25 09:00'`,
          ...columns,
        }),
      )
      return schedule?.id ?? 0
    },
    /** What each content plays. */
    playing: async () =>
      (await query<{ video: number | null }>('SELECT active_video_id AS video FROM ar_content ORDER BY id')).map(
        ({ video }) => video,
      ),
    schedules: () =>
      query<ScheduleRow>(`
        SELECT id, current_index AS index, last_rotation_at::text AS last, next_rotation_at::text AS next
          FROM video_rotation_schedules ORDER BY id`),
    /** `schedules 1: reason`. */
    faults: async () =>
      (
        await query<{ line: string }>(`
          SELECT format('%s %s: %s', replace(entity_type, 'video_rotation_', ''), entity_id, reason) AS line
            FROM fleet.rotation_faults ORDER BY entity_type, entity_id`)
      ).map(({ line }) => line),
    /** The videos that are active. */
    active: async () =>
      (await query<{ id: number }>('SELECT id FROM videos WHERE is_active AND portrait_id = 1 ORDER BY id')).map(
        ({ id }) => id,
      ),
  }
}

export const done = {
  opened: 0,
  closed: 0,
  replaced: 0,
  scheduled: 0,
  rotated: 0,
  passedOver: 0,
  faulty: 0,
  left: 0,
} as const

function insertInto(table: string, columns: Readonly<Record<string, string>>): string {
  return `INSERT INTO ${table} (${Object.keys(columns)}) VALUES (${Object.values(columns)}) RETURNING id`
}
