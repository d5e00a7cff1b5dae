import { type Kysely, sql } from 'kysely'

/**
 * What the records of what was done, and what the views show, hold, table by table and column by column.
 *
 * Locks: SHARE UPDATE EXCLUSIVE on each table, briefly; readers and writers go on.
 */

const tables = {
  'public.audit_log': {
    '': 'Who changed what.',
    id: 'Number of the entry.',
    entity_type: 'What was changed: user, company, project and others.',
    entity_id: 'Number of what was changed.',
    action: 'What was done: create, update, delete, login and others.',
    changes: 'Values before and after, by column.',
    field_name: 'The column that was changed; NULL where it was not one alone.',
    actor_id: 'The user who did it; NULL where that was a program, or nobody known.',
    actor_email: 'The user’s address at that time, or the name of the program.',
    actor_ip: 'The IP address that it was done from, as text.',
    user_agent: 'What the browser says of itself.',
    session_id: 'The session that it was done in.',
    request_id: 'The request that it was done by, for looking it up in logs.',
    created_at: 'When it was done, in UTC.',
  },
  'public.active_projects': {
    '': 'Projects that are active, of companies that are, with the company’s name.',
  },
  'public.expiring_subscriptions': {
    '': 'Active projects whose subscription ends within seven days or has ended, with how urgent that is.',
  },
  'public.expiring_portraits': {
    '': 'Active portraits whose subscription ends within seven days or has ended, with how urgent that is; the name is that of the file.',
  },
  'fleet.subscription_stages': {
    '': 'When somebody is told about the end of a subscription, and how; the sweep reads it anew each time.',
    name: 'Name of the stage; 7d, 24h and expired have a flag each on projects and portraits, suspended is for the administrator.',
    before: 'How long before the end; negative for after it.',
    template: 'The template that the mail is made from.',
    channels: 'The channels that are used, as far as the recipient has them.',
    urgency: 'Priority of the notifications: urgent, high, normal or low; those of the latter two go out together.',
  },
  'fleet.notices': {
    '': 'What was decided about each end of each subscription at each stage: never twice.',
    id: 'Number of the decision; its notifications have event_data.notice lifecycle:<id>.',
    entity_type: 'projects, portraits, orders or companies.',
    entity_id: 'Number of the project, portrait, order or company.',
    stage: 'The stage, as fleet.subscription_stages names it.',
    subscription_end: 'The end that it is about, in UTC.',
    company_id: 'The company whose it is.',
    decided_at: 'When it was decided.',
    outcome:
      'sent, superseded, skipped, recorded (nobody is told of such), or withdrawn (the end was moved before anything went out).',
    reason: 'Why nobody was told; NULL where somebody was.',
    superseded_by: 'The stage that overtook it; NULL where none did.',
    channels: 'The channels that notifications were written for.',
  },
  'fleet.lifecycle_acts': {
    '': 'What the fleet has changed of a subscription’s rows and would undo when it is renewed.',
    entity_type: 'projects, portraits or ar_content.',
    entity_id: 'Number of the row.',
    field: 'The column.',
    before_value: 'What it was before the fleet’s first change, as text.',
    after_value:
      'What the fleet has made of it last; where it is something else by now, somebody else has changed it since.',
    subject_type: 'projects or portraits: the subscription that it was done for.',
    subject_id: 'Number of that project or portrait.',
    acted_at: 'When it was done last.',
  },
  'fleet.sweeps': {
    '': 'Each pass over the subscriptions.',
    id: 'Number of the pass.',
    started_at: 'When it began.',
    ended_at: 'When it ended; NULL while it goes on, or where it died.',
    worker: 'Who did it.',
    kind: 'sweep, or baseline: what is past was marked as known.',
    outcome: 'done, blocked (it would have changed too much, or the clocks differ), or interrupted.',
    counts: 'What it has changed, or would have.',
  },
  'fleet.video_bounds': {
    '': 'Beginnings and ends of videos’ windows that have not acted yet; kept by a trigger on videos.',
    video_id: 'The video.',
    bound: 'start or end: schedule_start or schedule_end.',
    at: 'When it acts, in UTC; past ones with the next pass.',
  },
  'fleet.rotation_faults': {
    '': 'Schedules and AR content whose videos do not rotate as they should, and why; a row goes when it works again.',
    entity_type: 'video_rotation_schedules or ar_content.',
    entity_id: 'Number of the schedule or content.',
    reason: 'What is wrong, in a word that does not change.',
    detail: 'What is wrong, for people.',
    since: 'Since when.',
    retry_at: 'When it is tried again; NULL where that is not known, or somebody has to do something.',
  },
  'fleet.uncounted_views': {
    '': 'Visits that are in ar_view_sessions and not in ar_content.views_count yet; a minute later they are.',
    id: 'Number of the row.',
    ar_content_id: 'The content that was looked at.',
    views: 'How often, in one statement.',
    last_viewed_at: 'When the last time, in UTC.',
  },
  'fleet.storage_counts': {
    '': 'What the nightly recount of storage has written last, by which it tells its own figures from the platform’s.',
    entity_type: 'storage_folders or companies.',
    entity_id: 'Number of the folder or company.',
    files: 'What it wrote into files_count; NULL where that is the platform’s figure.',
    bytes: 'What it wrote into total_size_bytes or storage_used_bytes; NULL where that is the platform’s figure.',
  },
  'fleet.storage_notices': {
    '': 'Each time that a company has reached a share of its storage quota.',
    id: 'Number of the time; its notifications have event_data.notice storage:<id>.',
    company_id: 'The company.',
    percent: 'The share: 80, 95 or 100.',
    used_bytes: 'How much it used then.',
    quota_gb: 'Its quota then, in GB of 1,073,741,824 bytes.',
    is_told: 'False where it reached a higher share at once, and was told of that.',
    reached_at: 'When that was found.',
    fell_at: 'When it was found below again, so that it is told anew the next time; NULL before.',
  },
  'fleet.adoptions': {
    '': 'What the migrations found in this database and what they changed of it, in that order; fleet migrate down undoes it.',
    id: 'Number of the step.',
    kind: 'What it is about: table, view, type, function, mail or storage.',
    name: 'The table, view, type or function.',
    what: 'created, found or changed.',
    change: 'What was done, or what is so, in a few words.',
    undo: 'The statements that undo it; NULL where there is nothing to undo.',
    at: 'When it was done.',
  },
  'fleet.adopted_emails': {
    '': 'Mails that had to be held, or whose status says something else to the fleet, when it came.',
    id: 'Number of the mail.',
    status: 'The status that it had.',
  },
  'fleet.adopted_notifications': {
    '': 'Notices that had to be held, or whose status says something else to the fleet, when it came.',
    id: 'Number of the notice.',
    status: 'The status that it had.',
  },
  'fleet.workers': {
    '': 'The worker processes. One that stops deletes its row; one that dies leaves it for a day.',
    owner: 'Its name in claims: email@host:pid.',
    name: 'Which worker it is: email, notifications or lifecycle.',
    host: 'The host that it runs on.',
    pid: 'The number of its process there.',
    version: 'The release of the fleet.',
    node_version: 'The release of Node.js.',
    environment: 'Its FLEET_ENVIRONMENT.',
    started_at: 'When it was started, by its host’s clock.',
    heartbeat_at: 'When it was last heard of. A worker is heard of every 5 seconds, and dead after 20 without.',
    in_hand: 'Rows that it has claimed and not recorded yet, at that time.',
    connections: 'How many connections to the database it opens at most.',
    shutdown_seconds: 'How long it finishes what is in hand when it is told to stop.',
    outage_since: 'Since when the next system takes nothing from it; NULL while it does.',
    outage_reason: 'What that system said.',
    blocked: 'Why it sends nothing although it is well; NULL where it sends.',
  },
  'fleet.outcome_counts': {
    '': 'What came of attempts, added up by the minute. A worker that is killed takes its last seconds with it.',
    minute: 'The minute, at its beginning.',
    queue: 'email, telegram, sms, system; notifications for e-mail notifications that became mails, or did not.',
    outcome: 'What came of it: as in the ledgers of attempts, or expired.',
    error_class: 'Why; empty where it was sent.',
    count: 'How many.',
  },
  'fleet.pauses': {
    '': 'The queues that an operator has stopped.',
    queue: 'email, notifications (all channels), telegram or sms.',
    since: 'When it was stopped.',
    until: 'When it goes on by itself; NULL where it waits for fleet queue resume.',
    reason: 'Why, in the operator’s words.',
    paused_by: 'Who did it: name@host.',
  },
  'fleet.installation': {
    '': 'Which database this is: the stamp that has to fit for workers to send.',
    id: 'True: there is one row at most.',
    environment: 'FLEET_ENVIRONMENT of the workers that belong to it; NULL for those without.',
    system_identifier: 'Of the cluster, as pg_control_system() tells it.',
    timeline: 'The timeline that the cluster was on.',
    database_oid: 'Of the database within the cluster.',
    stamped_at: 'When it was stamped.',
    stamped_by: 'The worker that came first, or who adopted it: name@host.',
  },
  'fleet.alerts': {
    '': 'What the administrator is told of: a row for each incident, and for what may become one. One that is over is kept for 90 days.',
    id: 'Number of the incident.',
    kind: 'What is wrong: the name of its page in docs/runbooks.',
    subject: 'Of what: a queue, a kind of worker, a host; empty where there is but one.',
    severity: 'critical, warning or info: how soon it is told again while it lasts.',
    noticed_at: 'When it was first found.',
    began_at: 'When it had lasted long enough to be told; NULL before that.',
    clear_since: 'Since when it is not found any more; NULL while it is.',
    over_at: 'When that had lasted long enough to be told; NULL before that.',
    detail: 'How bad it is, as last found.',
    told: 'By channel: when it last took a message about this, how many that were, and whether it was told that this is over.',
  },
  'fleet.alert_watch': {
    '': 'Which worker looks for what is wrong, and which tells it by each channel: one at a time.',
    duty: 'look, or the channel: email, telegram.',
    worker: 'Who does it, or did it last.',
    begun_at: 'When it began.',
    leased_until: 'Until then nobody else does, unless it ends before.',
  },
  'fleet.alert_samples': {
    '': 'What may grow or run full, every few minutes of the last day.',
    subject: 'Of what: due rows of a queue, the size of the database, the load of a host.',
    taken_at: 'When, at the beginning of the minute.',
    value: 'Rows, bytes, or a share from 0 to 1.',
  },
  'fleet.replays': {
    '': 'Each time that an operator has put mail back into the queue.',
    id: 'Number of the replay.',
    state: 'canary (the first few are under way), running (being put back), done, canary_failed, stopping, or stopped.',
    actor: 'Who did it: name@host.',
    reason: 'Why, in the operator’s words.',
    filter: 'Which mail was meant, and how much of it at most.',
    fingerprint: 'Of the command: the same command has the same.',
    size: 'How many mails it is to put back.',
    ambiguous: 'How many of them may have arrived before.',
    canary: 'How many go first; 0 where all go at once.',
    delivered: 'How many of the first were delivered when the rest was decided on; NULL before.',
    undelivered: 'How many of the first were not.',
    per_second: 'How many become due in a second at most; NULL where all are due at once.',
    next_due_at:
      'With a rate: when the next one that is put back becomes due. With a canary: from when on its time counts.',
    priority: 'The priority that they are given; NULL where they keep theirs.',
    not_after: 'The not_after that they are given, in UTC; NULL where they keep theirs.',
    keeps_attempts: 'True where attempts go on counting rather than start afresh.',
    includes_sent: 'True where mail that was sent, or may have been, is sent again.',
    created_at: 'When it was made.',
    ended_at: 'When all was put back, or it was stopped; NULL while it goes on.',
    stopped_by: 'Who stopped it; NULL where nobody did.',
  },
  'fleet.replay_items': {
    '': 'The mails of each replay, with what they were before; kept for 90 days.',
    replay_id: 'The replay.',
    ordinal: 'Its place in the replay: 1 goes first.',
    email_id: 'The mail.',
    status: 'The status that it had.',
    attempts: 'Its attempts of then.',
    priority: 'Its priority of then.',
    not_after: 'Its not_after of then, in UTC.',
    sent_at: 'Its sent_at of then, in UTC.',
    recipients: 'What had become of its recipients then.',
    changed_at: 'When it was changed last before, in UTC: one that was changed since is left alone.',
    is_archived: 'True where it was in the archive.',
    state: 'waiting (to be put back), replayed, skipped (with the reason), or taken_back by a stop.',
    reason: 'Why it was skipped.',
  },
  'fleet.partitioned_tables': {
    '': 'The tables whose monthly partitions are the fleet’s to make and drop.',
    parent: 'The table that is partitioned.',
    former_key: 'Name of the primary key that it had while it was in one piece; NULL where it never was.',
    former_identity:
      'Its REPLICA IDENTITY of then, where its keys of now do not allow it, so that FULL has replaced it; else NULL.',
  },
  'fleet.row_security': {
    '': 'What fleet migrate rls enable has switched on, so that disable switches off that and nothing else.',
    relation: 'The table or view.',
    setting: 'enabled, forced or security_invoker.',
  },
  'fleet.migrations': {
    '': 'The migrations that were applied; kept by fleet migrate.',
    name: 'Name of the file, which begins with its place in the order.',
    checksum: 'SHA-256 of the SQL that was executed: an edited file has another.',
    applied_at: 'When it was applied.',
    applied_by: 'The role that applied it.',
  },
}

export async function up(db: Kysely<any>): Promise<void> {
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, true)`.execute(db)
  }
  await sql`COMMENT ON FUNCTION fleet.utc_now() IS 'The fleet’s clock: this moment as a timestamp in UTC.'`.execute(db)
  await sql`
    COMMENT ON FUNCTION fleet.search(text, text[], integer, integer)
    IS 'What matches these words, best first, as far as the caller may see it: words, kinds or NULL, company or NULL, how many.'`.execute(
    db,
  )
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`COMMENT ON FUNCTION fleet.search(text, text[], integer, integer) IS NULL`.execute(db)
  await sql`COMMENT ON FUNCTION fleet.utc_now() IS NULL`.execute(db)
  for (const [table, texts] of Object.entries(tables)) {
    await sql`SELECT fleet.comment_on(${sql.lit(table)}, ${sql.lit(JSON.stringify(texts))}, false)`.execute(db)
  }
}
