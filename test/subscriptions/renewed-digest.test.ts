import { expect, test } from 'vitest'
import { setNotifications } from '../notifications/notifications.ts'

const { start, query, statuses } = setNotifications()

const titles = () =>
  query(`SELECT status, jsonb_path_query_array(variables, '$.items[*].title') AS titles FROM email_queue`)

test('a digest whose mail waits goes out without the project that was renewed meanwhile', async () => {
  await query(`
    INSERT INTO projects (company_id, name, slug, subscription_end)
    SELECT 1, name, name, fleet.utc_now() + interval '2 days' FROM unnest('{one,two,three}'::text[]) AS name;
    INSERT INTO fleet.notices (entity_type, entity_id, stage, subscription_end, outcome)
    SELECT 'projects', id, '7d', subscription_end, 'sent' FROM projects WHERE name IN ('one', 'two', 'three') ORDER BY id;
    INSERT INTO notifications (company_id, type, subject, message, group_id, event_data)
    SELECT 1, 'email', p.name, 'It ends', '7d:1', jsonb_build_object('notice', 'lifecycle:' || n.id)
      FROM projects p JOIN fleet.notices n ON n.entity_id = p.id ORDER BY n.id;
    UPDATE notifications SET enqueued_at = now() - interval '61 s'`)
  start()
  await expect.poll(titles).toEqual([{ status: 'pending', titles: ['one', 'two', 'three'] }])

  await query(`UPDATE projects SET subscription_end = NULL WHERE name = 'two'`)
  expect(await titles()).toEqual([{ status: 'pending', titles: ['one', 'three'] }])
  expect(await statuses()).toEqual(['sending', 'cancelled', 'sending'])

  await query(`UPDATE email_queue SET status = 'sending'; UPDATE email_queue SET status = 'sent'`)
  expect(await statuses()).toEqual(['sent', 'cancelled', 'sent'])
})

test('a digest whose mail waits too long for one of its notices goes out without that one', async () => {
  await query(`
    INSERT INTO notifications (company_id, type, subject, message, group_id, not_after)
    VALUES (1, 'email', 'one', 'It ends', '7d:1', fleet.utc_now() + interval '2 hours'),
           (1, 'email', 'two', 'It ends', '7d:1', fleet.utc_now() + interval '1 hour'),
           (1, 'email', 'three', 'It ends', '7d:1', NULL);
    UPDATE notifications SET enqueued_at = now() - interval '61 s'`)
  start()
  await expect.poll(titles).toEqual([{ status: 'pending', titles: ['one', 'two', 'three'] }])
  expect(await query('SELECT n.subject FROM email_queue q JOIN notifications n USING (not_after)')).toEqual([
    { subject: 'two' },
  ])

  await query(`UPDATE notifications SET not_after = fleet.utc_now() WHERE subject = 'two'`)
  // As the e-mail worker does when a mail's not_after has passed.
  await query(`UPDATE email_queue SET status = 'expired'`)
  await expect.poll(titles).toEqual([{ status: 'pending', titles: ['one', 'three'] }])
  expect(await statuses()).toEqual(['sending', 'expired', 'sending'])
  expect(await query('SELECT n.subject FROM email_queue q JOIN notifications n USING (not_after)')).toEqual([
    { subject: 'one' },
  ])
})
