-- What the examples of docs/cli.md look at: 2 March 2026, 03:07 in the morning.
SET TimeZone = 'UTC';

CREATE OR REPLACE FUNCTION fleet.utc_now() RETURNS timestamp LANGUAGE sql STABLE PARALLEL SAFE
  AS $$ SELECT timestamp '2026-03-02 03:07:00' $$;

INSERT INTO companies (id, name, slug, contact_email, telegram_chat_id, contact_phone, timezone, locale) VALUES
  (11, 'Museum of the North', 'museum-north', 'office@museum.example', '100200300', '+79210000001', 'Europe/Moscow', 'ru'),
  (12, 'Harbour Gallery', 'harbour', 'desk@harbour.example', NULL, NULL, 'Europe/London', 'en');
INSERT INTO projects (id, company_id, name, slug, status, subscription_end) VALUES
  (21, 11, 'Northern Lights', 'northern-lights', 'active', '2026-03-08 12:00'),
  (22, 12, 'Ships of Old', 'ships', 'active', '2026-03-02 18:00'),
  (23, 12, 'Lighthouses', 'lighthouses', 'active', '2026-09-01 12:00');

INSERT INTO portraits (id, company_id, file_path, public_url, subscription_end, status)
VALUES (31, 12, '/portraits/keeper.jpg', 'https://ar.example/31', '2026-03-20 12:00', 'active');

INSERT INTO email_queue (id, recipient_to, subject, body, status, attempts, last_error, error_class, template_id, priority, created_at, updated_at, sent_at, message_id)
VALUES
  (41, 'Anna <anna@museum.example>', 'Your scene is ready', 'Have a look.', 'sent', 1, NULL, NULL, NULL, 3,
   '2026-03-02 02:50', '2026-03-02 02:50:01', '2026-03-02 02:50:01', '<41.64c1@vertex.example>'),
  (42, 'boris@harbour.example', 'Invoice 2026-017', 'Attached.', 'failed', 3, '452 4.2.2 The mailbox is full (after 3 attempts)', 'mailbox_full', NULL, 5,
   '2026-03-01 22:10', '2026-03-02 02:20', NULL, '<42.64c2@vertex.example>'),
  (43, 'vera@harbour.example', 'Invoice 2026-018', 'Attached.', 'failed', 3, '452 4.2.2 The mailbox is full (after 3 attempts)', 'mailbox_full', NULL, 5,
   '2026-03-01 22:11', '2026-03-02 02:21', NULL, '<43.64c3@vertex.example>'),
  (44, 'nobody@gone.example', 'Welcome', 'Good to see you.', 'failed', 1, '550 5.1.1 No such user', 'recipient_unknown', NULL, 5,
   '2026-03-02 01:00', '2026-03-02 01:00:01', NULL, '<44.64c4@vertex.example>'),
  (45, 'galina@museum.example', 'Your password', 'Here is the link.', 'held', 1, 'The server may have it: its answer was lost', 'answer_lost', NULL, 1,
   '2026-03-02 02:59', '2026-03-02 03:00', NULL, '<45.64c5@vertex.example>'),
  (46, 'dmitri@museum.example', 'Newsletter', 'News of March.', 'pending', 0, NULL, NULL, NULL, 8,
   '2026-03-02 03:00', '2026-03-02 03:00', NULL, NULL);
UPDATE email_queue SET updated_at = v.at FROM (VALUES (41, timestamp '2026-03-02 02:50:01'), (42, '2026-03-02 02:20'), (43, '2026-03-02 02:21'),
  (44, '2026-03-02 01:00:01'), (45, '2026-03-02 03:00')) AS v (id, at) WHERE email_queue.id = v.id AND email_queue.updated_at <> v.at;
UPDATE email_queue SET enqueued_at = created_at AT TIME ZONE 'UTC';
SELECT setval('email_queue_id_seq', 100);

INSERT INTO fleet.email_attempts (email_id, attempt, token, worker, claimed_at, handed_over_at, ended_at, outcome, error_class, smtp_code, enhanced_code, reply, transport, duration_ms)
VALUES
  (41, 1, 900, 'email@app-1:712', '2026-03-02 02:50:00Z', '2026-03-02 02:50:00Z', '2026-03-02 02:50:01Z', 'sent', NULL, 250, '2.0.0', '250 2.0.0 Ok: queued as 4XfG2k', 'smtp://mail.vertex.example:587', 41),
  (42, 1, 901, 'email@app-1:712', '2026-03-01 22:10:00Z', NULL, '2026-03-01 22:10:01Z', 'soft_failure', 'mailbox_full', 452, '4.2.2', '452 4.2.2 The mailbox is full', 'smtp://mail.vertex.example:587', 38),
  (42, 2, 902, 'email@app-1:712', '2026-03-01 22:12:00Z', NULL, '2026-03-01 22:12:01Z', 'soft_failure', 'mailbox_full', 452, '4.2.2', '452 4.2.2 The mailbox is full', 'smtp://mail.vertex.example:587', 40),
  (42, 3, 903, 'email@app-1:712', '2026-03-02 02:19:59Z', NULL, '2026-03-02 02:20:00Z', 'soft_failure', 'mailbox_full', 452, '4.2.2', '452 4.2.2 The mailbox is full', 'smtp://mail.vertex.example:587', 39);

INSERT INTO notifications (id, company_id, notification_type, type, subject, message, recipient, status, error_class, last_error, created_at)
VALUES
  (61, 11, 'ar_content_created', 'telegram', 'New content', 'The model is ready.', '100200300', 'failed', 'bot_blocked', '403 Forbidden: bot was blocked by the user', '2026-03-02 02:00'),
  (62, 12, 'ar_content_created', 'email', 'New content', 'The model is ready.', 'desk@harbour.example', 'pending', NULL, NULL, '2026-03-02 03:06');
SELECT setval('notifications_id_seq', 100);

INSERT INTO fleet.pauses (queue, since, until, reason, paused_by)
VALUES ('telegram', '2026-03-02 02:30Z', '2026-03-02 04:00Z', 'bot is being moved', 'ops@app-1');
INSERT INTO fleet.installation (environment, system_identifier, timeline, database_oid, stamped_by)
VALUES ('production', 7300000000000000001, 1, 16384, 'email@app-1:712');

INSERT INTO fleet.alerts (id, kind, subject, severity, noticed_at, began_at, clear_since, over_at, detail, told)
VALUES
  (31, 'outage', 'email', 'critical', '2026-03-02 01:10Z', '2026-03-02 01:11Z', '2026-03-02 01:18Z', '2026-03-02 01:19Z',
   '{"reason": "421 4.3.2 Shutting down", "since": "2026-03-02T01:09:40.000Z"}',
   '{"email": {"at": "2026-03-02T01:19:00.000Z", "times": 0, "over": true}, "telegram": {"at": "2026-03-02T01:19:00.000Z", "times": 2, "over": true}}'),
  (32, 'backlog-too-old', 'telegram', 'warning', '2026-03-02 03:01Z', '2026-03-02 03:02Z', NULL, NULL, '{"due": 4, "minutes": 22}',
   '{"email": {"at": "2026-03-02T03:02:00.000Z", "times": 1, "over": false}, "telegram": {"at": "2026-03-02T03:02:00.000Z", "times": 1, "over": false}}');
-- Of replay 6 one mail was sent and one failed; replay 7 was to put one back, slowly.
INSERT INTO fleet.replays (id, state, actor, reason, filter, fingerprint, size, per_second, keeps_attempts, includes_sent, created_at, ended_at) VALUES
  (6, 'done', 'ops@app-1', 'mail server was down', '{"errorClass": "timeout"}', '6', 2, NULL, false, false, '2026-03-02 01:30Z', '2026-03-02 01:30:01Z'),
  (7, 'done', 'ops@app-1', NULL, '{"templateId": "newsletter"}', '7', 1, 5, false, false, '2026-03-02 03:01Z', '2026-03-02 03:01:01Z');
INSERT INTO fleet.replay_items (replay_id, ordinal, email_id, status, attempts, priority, changed_at, is_archived, state) VALUES
  (6, 1, 41, 'failed', 3, 3, '2026-03-02 01:00', false, 'replayed'),
  (6, 2, 43, 'failed', 3, 5, '2026-03-02 01:00', false, 'replayed'),
  (7, 1, 46, 'cancelled', 0, 8, '2026-03-02 01:00', false, 'replayed');
SELECT setval('fleet.replays_id_seq', 7);
