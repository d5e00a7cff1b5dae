import { expect, test } from 'vitest'
import { rotateDue } from '../../src/rotation/rotation-pass.ts'
import { lockDue } from '../../src/rotation/rotation-store.ts'
import { maintenanceOf } from '../maintenance/maintenance.ts'
import { plansOf } from '../ops/plans.ts'
import { done, setRotation } from './rotation-scene.ts'

const scene = setRotation()

/** A fifth of what it was measured with; the plan is the same. */
const schedules = 20_000

test('a pass with nothing due reads nothing, however many schedules and windows there are', async () => {
  await scene.insert({ next_rotation_at: `'2026-11-26 09:00'` })
  await scene.query(`
    INSERT INTO video_rotation_schedules (ar_content_id, rotation_type, video_sequence, is_active, next_rotation_at)
    SELECT 1, 'daily', '{1,2,3}', (n % 2), CASE n % 2 WHEN 0 THEN timestamp '2026-01-01' ELSE '2026-11-26 09:00' END
      FROM generate_series(1, ${schedules}) AS n;
    INSERT INTO videos (id, portrait_id, file_path, schedule_end) SELECT n, 1, 'v', '2026-11-26' FROM generate_series(100, ${schedules}) AS n;
    ANALYZE`)
  await scene.query('VACUUM video_rotation_schedules')
  const log = maintenanceOf(scene.database())
  const plans = await plansOf(
    scene.database().url,
    async (db) => expect(await rotateDue({ ...log, db })).toEqual(done),
    /video_rotation_schedules|video_bounds|rotation_faults/,
  )
  const text = plans.map((plan) => plan.text).join('\n')
  expect(plans).toHaveLength(4)
  expect(text).toContain('ix_video_rotation_schedules_due')
  expect(text).toContain('ix_video_bounds_at')
  expect(text).not.toMatch(/Seq Scan on video_/)
  for (const plan of plans) expect(plan.pages, plan.text).toBeLessThan(20)
})

test('a step costs the same however many are due, whatever the statistics say', async () => {
  await scene.insert({ next_rotation_at: `'2026-11-26 09:00'` })
  await scene.query(`
    INSERT INTO video_rotation_schedules (ar_content_id, rotation_type, video_sequence, next_rotation_at)
    SELECT 1, 'daily', '{1,2,3}', '2026-11-26 09:00' FROM generate_series(1, ${schedules});
    ANALYZE`)
  await scene.query(`UPDATE video_rotation_schedules SET next_rotation_at = '2026-11-25 09:00'`)
  const plans = await plansOf(
    scene.database().url,
    (db) => db.transaction().execute((trx) => lockDue(trx, 500)),
    /video_rotation_schedules/,
  )
  expect(plans).toHaveLength(1)
  expect(plans[0]?.text).toContain('video_rotation_schedules_pkey')
  expect(plans[0]?.pages).toBeLessThan(30)
})
