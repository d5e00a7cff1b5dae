import { type Kysely, sql } from 'kysely'

/**
 * What the two queues of messages hold, table by table and column by column.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on each table, briefly; readers and writers go on.
 */

/** The archive has the queue's columns. */
const mail = {
  id: 'Number of the mail.',
  recipient_to: 'Whom the mail is to: addresses as in a header, separated by commas.',
  recipient_cc: 'Who gets a copy; NULL for nobody.',
  recipient_bcc: 'Who gets a copy that the others do not see; NULL for nobody.',
  subject: 'Subject; a template has one of its own.',
  body: 'The text; a template has one of its own.',
  html: 'The text as HTML; NULL for a mail of plain text.',
  template_id: 'Name of the template that subject and texts come from; NULL for those of the row.',
  variables: 'What the template puts in, by name.',
  status:
    'pending, sending, sent, failed, cancelled, expired or held; NULL counts as pending. Set back to pending, a mail is sent again.',
  attempts: 'Attempts that counted, since it was last set to pending.',
  max_attempts: 'Attempts after which it has failed; NULL counts as 3.',
  last_error: 'What went wrong last; NULL where nothing did.',
  priority: '1 to 10, lower first; NULL counts as 5.',
  scheduled_at: 'Not sent before this time, in UTC; NULL for at once.',
  created_at:
    'When the row was inserted, in UTC unless the session of whoever inserted it had another time zone: enqueued_at is sure.',
  updated_at: 'When the row was changed last, in UTC; kept by a trigger.',
  sent_at: 'When a mail server accepted it, in UTC; NULL before.',
  enqueued_at: 'When the row was inserted; stamped by a trigger.',
  due_at: 'When it is sent, or tried again; stamped by a trigger and moved by retries.',
  prio: 'The priority that counts, 1 to 10; stamped by a trigger.',
  not_after: 'Worth nothing after this time, in UTC: then it expires instead; NULL for no limit.',
  dedup_key: 'Name of the matter, so that it is told once only; unique, NULL for mails that may repeat.',
  message_id: 'Message-ID of the mail, the same in every attempt; NULL before the first.',
  recipients: 'What became of each address, by address; NULL before the first attempt.',
  error_class: 'Kind of the last error, in the words of docs/email-queue.md; NULL where there is none.',
  claim_token: 'Number of the last claim: who does not have it may not write the outcome.',
  claimed_by: 'The worker that has it in hand; NULL where none has.',
  claimed_at: 'When a worker claimed it last; NULL before.',
  leased_until: 'Until when the worker’s claim holds unless renewed; NULL where none has it in hand.',
  rescues:
    'How often its worker died with it in hand since it was last set to pending; after the third time it is held.',
  when_ambiguous:
    'What happens when a server may have the mail and nobody can know: resend or hold; NULL for what EMAIL_HOLD_AMBIGUOUS says.',
  notification_id: 'The notification that it was made of; unique, NULL for none.',
  erased_at: 'When what it said was erased, so that it is never sent again; NULL where it was not.',
}

const tables = {
  'public.email_queue': {
    '': 'E-mail to be sent and what became of it. Whoever wants a mail sent inserts a row; the e-mail workers of the fleet send it.',
    ...mail,
  },
  'fleet.email_archive': {
    '': 'E-mail that ended a while ago, moved here from email_queue; a partition for each month in which mail ended.',
    ...mail,
    ended_at: 'When the mail ended, in UTC.',
    archived_at: 'When it was moved here.',
  },
  'fleet.email_handovers': {
    '': 'Claims whose message a mail server may have and whose outcome is not recorded yet.',
    token: 'Number of the claim.',
    handed_over_at: 'When the message was about to be written to the connection.',
  },
  'fleet.email_attempts': {
    '': 'Every attempt at a mail that has ended, in the order of their ends; rows are added and never changed, but by fleet forget.',
    email_id: 'The mail; it may have gone to the archive, or be deleted.',
    attempt: 'Number of the attempt, as the mail counted it: attempts that are given back are not counted.',
    token: 'Number of the claim. A second row of it: its worker came back after its lease had run out.',
    worker: 'The worker that made the attempt.',
    claimed_at: 'When it claimed the mail.',
    handed_over_at: 'When the message was about to be written to the connection; NULL where it did not come to that.',
    ended_at: 'When the outcome was recorded.',
    outcome: 'sent, soft_failure, throttled, outage, hard_failure, skipped or ambiguous.',
    error_class: 'Kind of the error, in the words of docs/email-queue.md; NULL where there is none.',
    smtp_code: 'The code of the answer that decided, such as 250; NULL without an answer.',
    enhanced_code: 'The enhanced status code of that answer, such as 5.1.1; NULL where the server gave none.',
    reply: 'The answer itself; without one, what happened instead.',
    transport: 'Where the mail was offered: host and port, or the folder of the local mailbox.',
    duration_ms: 'How long the attempt took, in milliseconds.',
  },
  'public.notifications': {
    '': 'Notices to a company or the staff through one channel each, and what became of them.',
    id: 'Number of the notice.',
    company_id: 'The company that it is to or about; NULL for none.',
    project_id: 'The project that it is about; NULL for none.',
    ar_content_id: 'The AR content that it is about; NULL for none.',
    type: 'Through which channel: email, telegram, system or sms.',
    notification_type: 'What happened: expiry_warning, expired, ar_content_created and others.',
    priority: 'How urgent it is: normal and others.',
    subject: 'What it is about, in a line.',
    message: 'The text; HTML for Telegram.',
    email_sent: 'True when it went out by e-mail.',
    email_sent_at: 'When it went out by e-mail, in UTC; NULL before.',
    email_error: 'What went wrong by e-mail; NULL where nothing did.',
    telegram_sent: 'True when it went out by Telegram.',
    telegram_sent_at: 'When it went out by Telegram, in UTC; NULL before.',
    telegram_error: 'What went wrong by Telegram; NULL where nothing did.',
    source: 'Which part of the platform made it.',
    service_name: 'Which service it speaks of, in alerts.',
    event_data: 'Facts about what happened, by name.',
    group_id: 'What notices that belong together have in common.',
    status: 'pending, sending, sent, failed, skipped, held, cancelled or expired; NULL counts as pending.',
    processed_at: 'When it was sent or given up, in UTC; NULL before.',
    created_at: 'When the row was inserted, in UTC unless the session of whoever inserted it had another time zone.',
    read_at: 'When somebody read it on the platform, in UTC; NULL before.',
    scheduled_at: 'Not sent before this time, in UTC; NULL for at once.',
    not_after: 'Worth nothing after this time, in UTC: then it expires instead; NULL for no limit.',
    dedup_key: 'Name of the matter, so that it is told once only; unique, NULL for notices that may repeat.',
    enqueued_at: 'When the row was inserted; stamped by a trigger.',
    changed_at: 'When its status changed last; stamped by a trigger. 1970 for what had ended when the fleet came.',
    due_at: 'When it is sent, or tried again; stamped by a trigger and moved by retries, quiet hours and digests.',
    prio: 'The priority that counts: 1 urgent, 3 high, 5 normal, 7 low; stamped by a trigger.',
    attempts: 'Attempts that counted, since it was last set to pending.',
    max_attempts: 'Attempts after which it has failed; NULL counts as 3.',
    last_error: 'What went wrong last; NULL where nothing did.',
    error_class: 'Kind of the last error, in the words of docs/notifications.md; NULL where there is none.',
    recipient: 'Whom it goes to: address, chat or phone number; looked up by triggers, NULL for nobody.',
    parts: 'What the channel knows of earlier attempts, such as the parts of a long message that have arrived.',
    claim_token: 'Number of the last claim: who does not have it may not write the outcome.',
    claimed_by: 'The worker that has it in hand; NULL where none has.',
    claimed_at: 'When a worker claimed it last; NULL before.',
    leased_until:
      'Until when the claim holds unless renewed; infinity while its mail or its digest is under way; NULL where none has it in hand.',
    rescues:
      'How often its worker died with it in hand since it was last set to pending; after the third time it is held.',
    when_ambiguous: 'What happens when it may have arrived and nobody can know: hold, or else it is sent again.',
    fallback_of: 'The notification that failed on another channel, and that this one stands in for; NULL for none.',
    needs_fallback:
      'True when it has failed or was skipped, and no worker has looked yet whether another channel is to be tried.',
    digest_of: 'The notification whose digest tells this one, too; NULL for none.',
    digest_size: 'How many notifications its digest tells, itself included; NULL where it tells only itself.',
    erased_at: 'When what it said was erased, so that it is never sent again; NULL where it was not.',
  },
  'fleet.notification_handovers': {
    '': 'Claims on notifications whose message another system may have and whose outcome is not recorded yet.',
    token: 'Number of the claim.',
    handed_over_at: 'When the message was about to be sent.',
  },
  'fleet.notification_attempts': {
    '': 'Every attempt at a notification that has ended, in the order of their ends; rows are added and never changed, but by fleet forget. Those at its mail are in email_attempts.',
    notification_id: 'The notification; it may be deleted.',
    attempt: 'Number of the attempt, as the notification counted it: attempts that are given back are not counted.',
    token: 'Number of the claim. A second row of it: its worker came back after its lease had run out.',
    worker: 'The worker that made the attempt.',
    claimed_at: 'When it claimed the notification.',
    handed_over_at: 'When the message was about to be sent; NULL where it did not come to that.',
    ended_at: 'When the outcome was recorded.',
    outcome: 'sent, soft_failure, throttled, outage, hard_failure, skipped or ambiguous.',
    error_class: 'Kind of the error, in the words of docs/notifications.md; NULL where there is none.',
    code: 'The code of the answer that decided: of HTTP or of the Bot API; NULL without an answer.',
    provider_code: 'The code that the provider itself gave, such as 21211 of Twilio; NULL for none.',
    reply: 'The answer itself; without one, what happened instead.',
    transport: 'Where it was offered: a host, or the local outbox.',
    duration_ms: 'How long the attempt took, in milliseconds.',
  },
  'fleet.channels': {
    '': 'The channels that notifications go through, as far as all workers share it.',
    name: 'email, telegram, sms or system.',
    paused_until: 'Nothing is sent before this time; NULL or past where nothing stands against it.',
    reason: 'Why it pauses, or paused last.',
    strikes: 'How many pauses in a row; 0 when something got through.',
    next_at: 'When the next message may go, by the limits of the channel.',
  },
  'fleet.telegram_chats': {
    '': 'What is known of Telegram chats, their pace included.',
    chat_id: 'The chat: a user, a group or a channel.',
    next_at: 'When the next message may go, by the limit for a chat.',
    recent: 'When the last messages went, by the limit for groups.',
    migrated_to: 'The chat that took its place; NULL for none.',
    unreachable_since: 'Since when nothing can be sent there; NULL where it can.',
    unreachable_class: 'Kind of the obstacle, in the words of docs/notifications.md.',
    unreachable_reason: 'What Telegram said.',
  },
  'fleet.telegram_links': {
    '': 'Invitations to link a chat to a company.',
    token_hash: 'SHA-256 of what the link holds.',
    company_id: 'The company.',
    created_at: 'When it was made.',
    expires_at: 'When it ends.',
    used_at: 'When a chat was linked by it; NULL before.',
    chat_id: 'That chat.',
  },
}

export async function up(db: Kysely<any>): Promise<void> {
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, true)`.execute(db)
  }
}

export async function down(db: Kysely<any>): Promise<void> {
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, false)`.execute(db)
  }
}
