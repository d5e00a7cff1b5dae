import { type Kysely, sql } from 'kysely'

/**
 * What each role may do. `fleet.role_grants()` is the one list of it: `fleet.grant_roles()` gives it, `fleet.revoke_roles()` takes it
 * back, the workers compare their own rights with it when they start. Objects that do not exist yet, or not on this version of
 * PostgreSQL, are not in it; whoever adds some replaces the list and calls `fleet.grant_roles()` again.
 *
 * Locks: none that other sessions meet.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await listGrants(db)
  await createGrantFunctions(db)
  await sql`SELECT fleet.grant_roles()`.execute(db)
}

async function listGrants(db: Kysely<any>): Promise<void> {
  // only: no other columns. Where some hold passwords, keys, or mails with links that open accounts, those that do not are named one by
  // one: what a platform adds there of its own may be a secret, too.
  //
  // To lock a row takes the right to update some column of it: fleet_worker deletes from the archive so. It also erases what archived mail
  // says when its time is over; ledgers, addresses and the audit log are the owner's to rewrite.
  //
  // fleet_app adds to the audit log and to the mail queue, which do not say whose their rows are; it reads back no more of them than
  // an INSERT … ON CONFLICT (dedup_key) … RETURNING id needs, and how a mail is getting on.
  await sql`
    CREATE FUNCTION fleet.role_grants()
      RETURNS TABLE (grantee text, privilege text, kind text, object text, id oid, columns text[])
      LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH listed (grantee, kind, objects, privileges, "only") AS (VALUES
      ('fleet_owner', 'SCHEMA', '{public,fleet,pgboss}', '{USAGE,CREATE}', NULL),
      ('fleet_owner', 'DATABASE', NULL, '{CONNECT,CREATE,TEMPORARY}', NULL),

      ('fleet_worker', 'DATABASE', NULL, '{CONNECT}', NULL),
      ('fleet_worker', 'SCHEMA', '{public,fleet,pgboss}', '{USAGE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.migrations,public.companies,public.projects,public.clients,public.portraits}',
        '{SELECT}', NULL),
      ('fleet_worker', 'TABLE', '{public.email_queue}', '{SELECT,INSERT,UPDATE,DELETE,MAINTAIN}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.email_archive}', '{SELECT,INSERT,DELETE,MAINTAIN}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.email_archive}', '{UPDATE}',
        '{archived_at,subject,body,html,variables,erased_at}'),
      ('fleet_worker', 'TABLE', '{fleet.email_attempts}', '{SELECT,INSERT}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.email_handovers}', '{SELECT,INSERT,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{public.notifications}', '{SELECT,INSERT,UPDATE,DELETE,MAINTAIN}', NULL),
      ('fleet_worker', 'TABLE', '{public.companies}', '{UPDATE}', '{telegram_chat_id}'),
      ('fleet_worker', 'TABLE', '{public.storage_folders,public.videos}', '{SELECT}', NULL),
      ('fleet_worker', 'TABLE', '{public.storage_folders}', '{UPDATE}', '{files_count,total_size_bytes}'),
      ('fleet_worker', 'TABLE', '{public.companies}', '{UPDATE}', '{storage_used_bytes}'),
      ('fleet_worker', 'TABLE', '{public.ar_content}', '{UPDATE}', '{views_count,last_viewed_at}'),
      ('fleet_worker', 'TABLE', '{fleet.uncounted_views}', '{SELECT,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.storage_counts}', '{SELECT,INSERT,UPDATE,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.storage_notices}', '{SELECT,INSERT}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.storage_notices}', '{UPDATE}', '{fell_at}'),
      ('fleet_worker', 'TABLE', '{fleet.notification_attempts}', '{SELECT,INSERT}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.notification_handovers,fleet.telegram_links}', '{SELECT,INSERT,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.telegram_links}', '{UPDATE}', '{used_at,chat_id}'),
      ('fleet_worker', 'TABLE', '{fleet.telegram_chats}', '{SELECT,INSERT,UPDATE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.channels}', '{SELECT,UPDATE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.workers,fleet.outcome_counts,fleet.pauses}', '{SELECT,INSERT,UPDATE,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.alerts,fleet.alert_watch,fleet.alert_samples}', '{SELECT,INSERT,UPDATE,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.installation}', '{SELECT,INSERT,UPDATE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.replays,fleet.replay_items}', '{SELECT,INSERT,UPDATE,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{public.audit_log}', '{INSERT}', NULL),
      ('fleet_worker', 'TABLE', '{public.orders,public.ar_content,fleet.subscription_stages}', '{SELECT}', NULL),
      ('fleet_worker', 'TABLE', '{public.projects,public.portraits}', '{UPDATE}',
        '{status,lifecycle_status,notified_7d,notified_24h,notified_expired,last_notification_sent_at}'),
      ('fleet_worker', 'TABLE', '{public.ar_content}', '{UPDATE}', '{is_active}'),
      ('fleet_worker', 'TABLE', '{fleet.notices,fleet.lifecycle_acts,fleet.sweeps}', '{SELECT,INSERT,UPDATE,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{public.videos,public.video_rotation_schedules,fleet.video_bounds}', '{SELECT}', NULL),
      ('fleet_worker', 'TABLE', '{public.videos}', '{UPDATE}', '{is_active}'),
      ('fleet_worker', 'TABLE', '{public.ar_content}', '{UPDATE}', '{active_video_id}'),
      ('fleet_worker', 'TABLE', '{public.video_rotation_schedules}', '{UPDATE}',
        '{current_index,last_rotation_at,next_rotation_at}'),
      ('fleet_worker', 'TABLE', '{fleet.video_bounds}', '{DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.rotation_faults}', '{SELECT,INSERT,UPDATE,DELETE}', NULL),
      ('fleet_worker', 'SEQUENCE', '{fleet.claim_token_seq}', '{USAGE}', NULL),
      ('fleet_worker', 'TABLE', '{pgboss.version}', '{SELECT,UPDATE}', NULL),
      ('fleet_worker', 'TABLE', '{pgboss.queue,pgboss.schedule,pgboss.subscription,pgboss.bam,pgboss.job,pgboss.job_common,
                                  pgboss.warning,pgboss.queue_stats,pgboss.job_dependency,pgboss.instance}',
        '{SELECT,INSERT,UPDATE,DELETE}', NULL),
      ('fleet_worker', 'TABLE', '{fleet.partitioned_tables}', '{SELECT}', NULL),
      ('fleet_worker', 'FUNCTION', '{"fleet.prepare_partition(regclass,date)","fleet.validate_partition(regclass,date)",
                                     "fleet.attach_partition(regclass,date)","fleet.drop_partitions(regclass,date)",
                                     "fleet.delete_from_default(regclass,date,integer)","fleet.analyze_partitions(regclass)"}',
        '{EXECUTE}', NULL),

      ('fleet_app', 'DATABASE', NULL, '{CONNECT}', NULL),
      ('fleet_app', 'SCHEMA', '{public,fleet}', '{USAGE}', NULL),
      ('fleet_app', 'TABLE', '{public.companies,public.projects,public.folders,public.clients,public.orders,public.portraits,
                               public.videos,public.ar_content,public.video_rotation_schedules,public.ar_view_sessions,
                               public.storage_folders,public.notifications,public.users,public.storage_connections}',
        '{SELECT,INSERT,UPDATE,DELETE}', NULL),
      ('fleet_app', 'TABLE', '{public.email_queue,public.audit_log}', '{INSERT}', NULL),
      ('fleet_app', 'TABLE', '{public.email_queue}', '{SELECT}',
        '{id,status,attempts,scheduled_at,created_at,updated_at,sent_at,dedup_key}'),
      ('fleet_app', 'TABLE', '{public.audit_log}', '{SELECT}', '{id}'),
      ('fleet_app', 'VIEW', '{public.active_projects,public.expiring_subscriptions,public.expiring_portraits}', '{SELECT}', NULL),

      ('fleet_readonly', 'DATABASE', NULL, '{CONNECT}', NULL),
      ('fleet_readonly', 'SCHEMA', '{public,fleet,pgboss}', '{USAGE}', NULL),
      ('fleet_readonly', 'TABLE', '{public.companies,public.projects,public.folders,public.clients,public.orders,public.portraits,
                                    public.videos,public.ar_content,public.video_rotation_schedules,public.ar_view_sessions,
                                    public.storage_folders,public.notifications,public.audit_log,
                                    public.active_projects,public.expiring_subscriptions,public.expiring_portraits,
                                    fleet.subscription_stages,fleet.notices,fleet.lifecycle_acts,fleet.sweeps,
                                    fleet.video_bounds,fleet.rotation_faults,
                                    fleet.migrations,fleet.adoptions,fleet.adopted_emails,fleet.partitioned_tables,
                                    fleet.adopted_notifications,
                                    fleet.email_attempts,fleet.email_handovers,fleet.notification_attempts,fleet.notification_handovers,
                                    fleet.channels,fleet.telegram_chats,
                                    fleet.workers,fleet.outcome_counts,fleet.pauses,fleet.installation,fleet.replays,fleet.replay_items,
                                    fleet.alerts,fleet.alert_watch,fleet.alert_samples,
                                    fleet.uncounted_views,fleet.storage_counts,fleet.storage_notices,
                                    fleet.row_security,
                                    pgboss.version,pgboss.queue,pgboss.schedule,pgboss.subscription,pgboss.bam,pgboss.job,
                                    pgboss.warning,pgboss.queue_stats,pgboss.job_dependency,pgboss.instance}',
        '{SELECT}', NULL),
      ('fleet_readonly', 'TABLE', '{public.users}', '{SELECT}',
        '{id,email,full_name,role,is_active,last_login_at,created_at,updated_at,login_attempts,locked_until}'),
      ('fleet_readonly', 'TABLE', '{public.storage_connections}', '{SELECT}',
        '{id,name,provider,base_path,is_default,is_active,last_tested_at,test_status,test_error,metadata,created_at,updated_at,created_by}'),
      ('fleet_readonly', 'TABLE', '{public.email_queue,fleet.email_archive}', '{SELECT}',
        '{id,recipient_to,recipient_cc,recipient_bcc,subject,template_id,status,attempts,max_attempts,last_error,priority,scheduled_at,
          created_at,updated_at,sent_at,enqueued_at,due_at,prio,not_after,dedup_key,message_id,recipients,error_class,claim_token,
          claimed_by,claimed_at,leased_until,rescues,when_ambiguous,notification_id,erased_at}'),
      ('fleet_readonly', 'TABLE', '{fleet.email_archive}', '{SELECT}', '{ended_at,archived_at}')),
    single AS (
      SELECT l.grantee, p.privilege, l.kind, o.object, l."only"::text[],
             CASE l.kind WHEN 'DATABASE' THEN (SELECT oid FROM pg_database WHERE datname = current_database())
                         WHEN 'SCHEMA'   THEN to_regnamespace(o.object)::oid
                         WHEN 'FUNCTION' THEN to_regprocedure(o.object)::oid
                         ELSE to_regclass(o.object)::oid END AS id
        FROM listed l
       CROSS JOIN unnest(l.privileges::text[]) AS p (privilege)
       CROSS JOIN unnest(coalesce(l.objects::text[], ARRAY[quote_ident(current_database())])) AS o (object)),
    present AS (
      SELECT s.*, c.reloptions FROM single s LEFT JOIN pg_class c ON c.oid = s.id AND s.kind IN ('TABLE', 'VIEW')
       WHERE s.id IS NOT NULL AND (s.privilege <> 'MAINTAIN' OR current_setting('server_version_num')::integer >= 170000))
    SELECT grantee, privilege, CASE kind WHEN 'VIEW' THEN 'TABLE' ELSE kind END, object, id,
           CASE WHEN "only" IS NOT NULL THEN ARRAY(
             SELECT attname::text FROM pg_attribute
              WHERE attrelid = present.id AND attnum > 0 AND NOT attisdropped AND attname = ANY ("only")
              ORDER BY attnum) END
      FROM present
     -- Before PostgreSQL 15 every view reads with its owner's rights, past the policies.
     WHERE kind <> 'VIEW'
        OR EXISTS (SELECT FROM pg_options_to_table(reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean)
    UNION ALL
    SELECT p.grantee, 'USAGE', 'SEQUENCE', s.name, s.name::regclass::oid, NULL
      FROM present p
      JOIN pg_attribute a ON a.attrelid = p.id AND a.attname = 'id' AND NOT a.attisdropped
     CROSS JOIN LATERAL pg_get_serial_sequence(p.object, a.attname) AS s (name)
     WHERE p.kind = 'TABLE' AND p.privilege = 'INSERT' AND s.name IS NOT NULL
    $$`.execute(db)
}

async function createGrantFunctions(db: Kysely<any>): Promise<void> {
  // Somebody may be giving rights on the same object at this moment: PostgreSQL answers with an internal error, and nobody waits.
  // What a role owns is left out: it has every right to that, and a REVOKE would take those from it.
  await sql`
    CREATE FUNCTION fleet.change_grants(change text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      statement text;
    BEGIN
      FOR statement IN
        SELECT format(change, string_agg(g.privilege || coalesce(' (' || c.list || ')', ''), ', '), g.kind, g.object, g.grantee)
          FROM fleet.role_grants() g
          JOIN pg_roles r ON r.rolname = g.grantee
          LEFT JOIN LATERAL (SELECT string_agg(quote_ident(name), ', ') AS list FROM unnest(g.columns) AS name) c ON true
         WHERE r.oid <> CASE g.kind WHEN 'DATABASE' THEN (SELECT datdba FROM pg_database d WHERE d.oid = g.id)
                                    WHEN 'SCHEMA'   THEN (SELECT nspowner FROM pg_namespace n WHERE n.oid = g.id)
                                    WHEN 'FUNCTION' THEN (SELECT proowner FROM pg_proc p WHERE p.oid = g.id)
                                    ELSE (SELECT relowner FROM pg_class k WHERE k.oid = g.id) END
           AND g.columns IS DISTINCT FROM '{}'
         GROUP BY g.kind, g.object, g.grantee
         ORDER BY g.kind, g.object, g.grantee
      LOOP
        LOOP
          BEGIN
            EXECUTE statement;
            EXIT;
          EXCEPTION
            WHEN internal_error THEN
              IF SQLERRM <> 'tuple concurrently updated' THEN RAISE; END IF;
            WHEN insufficient_privilege OR undefined_object THEN
              RAISE NOTICE '%: %', statement, SQLERRM;
              EXIT;
          END;
        END LOOP;
      END LOOP;
    END $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.grant_roles() RETURNS void LANGUAGE sql
    AS $$ SELECT fleet.change_grants('GRANT %1$s ON %2$s %3$s TO %4$I') $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.revoke_roles() RETURNS void LANGUAGE sql
    AS $$ SELECT fleet.change_grants('REVOKE %1$s ON %2$s %3$s FROM %4$I') $$`.execute(db)
  await sql`
    REVOKE EXECUTE ON FUNCTION fleet.change_grants(text), fleet.grant_roles(), fleet.revoke_roles() FROM PUBLIC`.execute(
    db,
  )
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.revoke_roles()`.execute(db)
  await sql`DROP FUNCTION fleet.revoke_roles(), fleet.grant_roles(), fleet.change_grants(text), fleet.role_grants()`.execute(
    db,
  )
}
