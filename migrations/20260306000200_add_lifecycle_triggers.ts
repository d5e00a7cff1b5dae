import { type Kysely, sql } from 'kysely'

/**
 * What keeps the lifecycle right when any program moves the end of a subscription, or deletes what has one: notices of another end that
 * have not gone out are cancelled, flags and states that no longer hold are put back. Nothing costs anything where the end stays.
 *
 * A stage's window holds from its moment on, as long as the end stays. What is compared is the end with now plus so many days: any
 * timestamp may be in the column, and reckoning with those far away overflows.
 *
 * The functions of the triggers run with the rights of their owner, on tables that the platform has no right to. Every row of
 * `notifications` that they change, digest mates included, is locked before, in the order of the numbers: `fleet.follow_digest()` would
 * give up waiting, and fail the platform's statement.
 *
 * Locks: SHARE ROW EXCLUSIVE on projects, portraits and companies, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createWindows(db)
  await createCancelling(db)
  await createMoving(db)
  await createUndoing(db)
  await followSubscriptions(db)
  await followCompanies(db)
  await followDeletion(db)
}

/** What looks for the members of an array is planned anew each time otherwise: that would take most of the time. */
const plans = sql`SET plan_cache_mode = force_generic_plan`

async function createWindows(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.window_holds(ends timestamp, before interval) RETURNS boolean LANGUAGE sql STABLE AS $$
      SELECT coalesce(isfinite($1) AND $1 <= fleet.utc_now() + $2, false)
    $$`.execute(db)
  // Each of the windows lies in the one before it. In plpgsql, here and below, which keeps its plans.
  await sql`
    CREATE FUNCTION fleet.lifecycle_state(ends timestamp, warn_days integer) RETURNS text LANGUAGE plpgsql STABLE AS $$
    BEGIN
      RETURN CASE
        WHEN fleet.window_holds(ends, (SELECT before FROM fleet.subscription_stages WHERE name = 'suspended')) THEN 'suspended'
        WHEN fleet.window_holds(ends, '0') THEN 'expired'
        WHEN isfinite(ends) AND fleet.warn_at(ends, warn_days) <= fleet.utc_now() THEN 'expiring'
      END;
    END $$`.execute(db)
}

async function createCancelling(db: Kysely<any>): Promise<void> {
  // Members of a digest fall back with the row that carries it.
  await sql`
    CREATE FUNCTION fleet.waiting_notifications(notices text[]) RETURNS TABLE (id integer, carrier integer) LANGUAGE sql STABLE AS $$
      SELECT n.id, n.digest_of
        FROM public.notifications AS n
       WHERE n.event_data ->> 'notice' = ANY ($1)
         AND (n.status IN ('pending', 'sending', 'held')
              OR (n.status IN ('failed', 'skipped')
                  AND (n.needs_fallback
                       OR (SELECT c.needs_fallback FROM public.notifications AS c WHERE c.id = n.digest_of))))
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.cancel_notifications(notices text[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      own      integer[];
      carriers integer[];
    BEGIN
      SELECT array_agg(id), array_agg(carrier) INTO own, carriers FROM fleet.waiting_notifications(notices);
      IF own IS NULL THEN
        RETURN;
      END IF;
      PERFORM FROM public.notifications
        WHERE id = ANY (own || carriers) OR digest_of = ANY (own) ORDER BY id FOR NO KEY UPDATE;
      -- Whoever had them may have sent them meanwhile, or made another row of them.
      own := ARRAY(SELECT id FROM fleet.waiting_notifications(notices));
      -- Of a digest that is over, or held, the others would share what becomes of the row that carries it.
      UPDATE public.notifications AS n SET digest_of = NULL, needs_fallback = c.needs_fallback
        FROM public.notifications AS c
       WHERE n.digest_of = ANY (own) AND n.id <> ALL (own)
         AND c.id = n.digest_of AND c.status IN ('held', 'failed', 'skipped') AND n.status = c.status;
      UPDATE public.notifications SET status = 'cancelled', needs_fallback = false WHERE id = ANY (own);
    END $$`.execute(db)
}

async function createMoving(db: Kysely<any>): Promise<void> {
  await createWithdrawal(db)
  // What has a flag is carried over by that.
  await sql`
    CREATE FUNCTION fleet.carry_over(kind text, item integer, old_end timestamp, new_end timestamp) RETURNS void
    LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO fleet.notices AS n (entity_type, entity_id, stage, subscription_end, company_id, decided_at, outcome, reason)
      SELECT kind, item, o.stage, new_end, o.company_id, fleet.utc_now() AT TIME ZONE 'UTC', 'superseded', 'carried_over'
        FROM fleet.notices AS o
        JOIN fleet.subscription_stages AS s ON s.name = o.stage
       WHERE o.entity_type = kind AND o.entity_id = item AND o.subscription_end = old_end
         AND o.outcome IN ('sent', 'superseded', 'skipped')
         AND (kind = 'companies' OR o.stage NOT IN ('7d', '24h', 'expired'))
         AND fleet.window_holds(new_end, s.before)
          ON CONFLICT (entity_type, entity_id, stage, subscription_end) DO UPDATE
         SET company_id = EXCLUDED.company_id, decided_at = EXCLUDED.decided_at, outcome = EXCLUDED.outcome,
             reason = EXCLUDED.reason, superseded_by = NULL, channels = '{}'
       WHERE n.outcome = 'withdrawn';
    END $$`.execute(db)
}

async function createWithdrawal(db: Kysely<any>): Promise<void> {
  // Answers the stages of the old end that somebody would have been told of; NULL where nothing was decided of any other end.
  await sql`
    CREATE FUNCTION fleet.withdraw_notices(kind text, item integer, old_end timestamp, new_end timestamp) RETURNS text[]
    LANGUAGE plpgsql AS $$
    DECLARE
      others bigint[] := ARRAY(
        SELECT id FROM fleet.notices
         WHERE entity_type = kind AND entity_id = item AND subscription_end IS DISTINCT FROM new_end);
      stages text[];
    BEGIN
      IF others = '{}' THEN
        RETURN NULL;
      END IF;
      PERFORM fleet.cancel_notifications(ARRAY(SELECT 'lifecycle:' || id FROM unnest(others) AS id));
      WITH untold AS (
        UPDATE fleet.notices AS n SET outcome = 'withdrawn'
         WHERE n.id = ANY (others) AND n.outcome = 'sent'
           AND (SELECT bool_or(m.status = 'cancelled') AND bool_and(m.status IN ('cancelled', 'expired', 'failed', 'skipped'))
                  FROM public.notifications AS m WHERE m.event_data ->> 'notice' = 'lifecycle:' || n.id)
        RETURNING n.stage, n.subscription_end),
      overtaken AS (
        -- Also where that happened before: its flag may have been true again when this one came.
        UPDATE fleet.notices AS n SET outcome = 'withdrawn'
         WHERE n.id = ANY (others) AND n.outcome = 'superseded' AND n.reason = 'overtaken'
           AND (n.superseded_by, n.subscription_end) IN (
                 SELECT stage, subscription_end FROM untold UNION ALL
                 SELECT stage, subscription_end FROM fleet.notices WHERE id = ANY (others) AND outcome = 'withdrawn')
        RETURNING n.stage, n.subscription_end)
      SELECT array_agg(stage) INTO stages
        FROM (SELECT * FROM untold UNION ALL SELECT * FROM overtaken) AS withdrawn
       WHERE subscription_end = old_end;
      RETURN coalesce(stages, '{}');
    END $$`.execute(db)
}

async function createUndoing(db: Kysely<any>): Promise<void> {
  // Of a column: its value before the statement and after it, and how far the new end has come. Answers what it is to be.
  await sql`
    CREATE FUNCTION fleet.undo_act(kind text, item integer, name text, old_value text, new_value text, reached text) RETURNS text
    LANGUAGE plpgsql AS $$
    DECLARE
      states CONSTANT text[] := '{expiring,expired,suspended}';
      act    record;
      value  text;
    BEGIN
      SELECT before_value, after_value INTO act
        FROM fleet.lifecycle_acts WHERE entity_type = kind AND entity_id = item AND field = name;
      IF NOT FOUND THEN
        RETURN new_value;
      END IF;
      IF old_value IS DISTINCT FROM act.after_value OR new_value IS DISTINCT FROM old_value THEN
        -- It is somebody else's by now.
        value := new_value;
      ELSIF array_position(states, reached) >= array_position(states, old_value) THEN
        RETURN new_value;
      ELSE
        value := coalesce(reached, act.before_value);
        INSERT INTO public.audit_log (entity_type, entity_id, action, field_name, changes, actor_email, created_at)
        VALUES (rtrim(kind, 's'), item, 'update', name, jsonb_build_object('before', old_value, 'after', value), 'fleet', fleet.utc_now());
        IF reached IS NOT NULL THEN
          UPDATE fleet.lifecycle_acts SET after_value = value, acted_at = fleet.utc_now() AT TIME ZONE 'UTC'
           WHERE entity_type = kind AND entity_id = item AND field = name;
          RETURN value;
        END IF;
      END IF;
      DELETE FROM fleet.lifecycle_acts WHERE entity_type = kind AND entity_id = item AND field = name;
      RETURN value;
    END $$`.execute(db)
}

async function followSubscriptions(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.renew_subscription() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp ${plans} AS $$
    DECLARE
      kind      text := TG_TABLE_NAME;
      warn_days integer;
      reached   text;
      untold    text[] := fleet.withdraw_notices(kind, OLD.id, OLD.subscription_end, NEW.subscription_end);
    BEGIN
      IF untold IS NOT NULL THEN
        PERFORM fleet.carry_over(kind, OLD.id, OLD.subscription_end, NEW.subscription_end);
      END IF;
      IF kind = 'projects' THEN
        warn_days := NEW.notify_before_expiry_days;
      END IF;
      reached := fleet.lifecycle_state(NEW.subscription_end, warn_days);
      -- A flag that the statement has set stays.
      IF OLD.notified_7d AND NEW.notified_7d AND (reached IS NULL OR '7d' = ANY (untold)) THEN
        NEW.notified_7d := false;
      END IF;
      IF OLD.notified_24h AND NEW.notified_24h
         AND (NOT fleet.window_holds(NEW.subscription_end, '24 hours') OR '24h' = ANY (untold)) THEN
        NEW.notified_24h := false;
      END IF;
      IF OLD.notified_expired AND NEW.notified_expired
         AND (NOT fleet.window_holds(NEW.subscription_end, '0') OR 'expired' = ANY (untold)) THEN
        NEW.notified_expired := false;
      END IF;
      NEW.lifecycle_status := fleet.undo_act(
        kind, OLD.id, 'lifecycle_status', OLD.lifecycle_status, NEW.lifecycle_status, reached);
      NEW.status := fleet.undo_act(
        kind, OLD.id, 'status', OLD.status, NEW.status, CASE WHEN reached IN ('expired', 'suspended') THEN 'expired' END);
      RETURN NEW;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.renew_subscription() FROM PUBLIC`.execute(db)
  for (const table of ['projects', 'portraits']) {
    await sql`
      CREATE TRIGGER ${sql.id(`${table}_renew`)} BEFORE UPDATE ON ${sql.id(table)}
        FOR EACH ROW WHEN (NEW.subscription_end IS DISTINCT FROM OLD.subscription_end)
        EXECUTE FUNCTION fleet.renew_subscription()`.execute(db)
  }
  // After it: a trigger of the platform on ar_content may write to the project.
  await sql`
    CREATE FUNCTION fleet.reopen_content() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp ${plans} AS $$
    BEGIN
      IF NOT fleet.window_holds(NEW.subscription_end, '0') THEN
        WITH acts AS (
          DELETE FROM fleet.lifecycle_acts
           WHERE subject_type = 'projects' AND subject_id = OLD.id AND entity_type <> 'projects'
          RETURNING entity_id, CASE WHEN before_value IS NOT NULL THEN before_value = 'true' END AS was_active),
        reopened AS (
          UPDATE public.ar_content AS c SET is_active = acts.was_active
            FROM acts WHERE c.id = acts.entity_id AND c.is_active = false
          RETURNING c.id, acts.was_active)
        INSERT INTO public.audit_log (entity_type, entity_id, action, field_name, changes, actor_email, created_at)
        SELECT 'ar_content', id, 'update', 'is_active', jsonb_build_object('before', false, 'after', was_active), 'fleet', fleet.utc_now()
          FROM reopened;
      ELSE
        -- What somebody has shown again since is not the fleet's any more, not even when it is hidden once more.
        DELETE FROM fleet.lifecycle_acts AS a USING public.ar_content AS c
         WHERE a.subject_type = 'projects' AND a.subject_id = OLD.id AND a.entity_type <> 'projects'
           AND c.id = a.entity_id AND c.is_active IS DISTINCT FROM false;
      END IF;
      RETURN NULL;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.reopen_content() FROM PUBLIC`.execute(db)
  await sql`
    CREATE TRIGGER projects_reopen_content AFTER UPDATE ON projects
      FOR EACH ROW WHEN (NEW.subscription_end IS DISTINCT FROM OLD.subscription_end)
      EXECUTE FUNCTION fleet.reopen_content()`.execute(db)
}

async function followCompanies(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.renew_company() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp ${plans} AS $$
    BEGIN
      PERFORM fleet.withdraw_notices('companies', OLD.id, OLD.subscription_expires_at, NEW.subscription_expires_at);
      PERFORM fleet.carry_over('companies', OLD.id, OLD.subscription_expires_at, NEW.subscription_expires_at);
      RETURN NULL;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.renew_company() FROM PUBLIC`.execute(db)
  await sql`
    CREATE TRIGGER companies_renew AFTER UPDATE ON companies
      FOR EACH ROW WHEN (NEW.subscription_expires_at IS DISTINCT FROM OLD.subscription_expires_at)
      EXECUTE FUNCTION fleet.renew_company()`.execute(db)
}

async function followDeletion(db: Kysely<any>): Promise<void> {
  // The ledger stays. What it has told of keeps nobody from deleting a row: foreign keys of the platform's refer to that.
  await sql`
    CREATE FUNCTION fleet.forget_subscription() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp ${plans} AS $$
    BEGIN
      PERFORM fleet.withdraw_notices(TG_TABLE_NAME, OLD.id, NULL, NULL);
      IF TG_TABLE_NAME = 'projects' THEN
        UPDATE public.notifications SET project_id = NULL WHERE project_id = OLD.id AND event_data ->> 'notice' LIKE 'lifecycle:%';
      ELSIF TG_TABLE_NAME = 'companies' THEN
        UPDATE public.notifications SET company_id = NULL WHERE company_id = OLD.id AND event_data ->> 'notice' LIKE 'lifecycle:%';
      END IF;
      DELETE FROM fleet.lifecycle_acts WHERE subject_type = TG_TABLE_NAME AND subject_id = OLD.id;
      RETURN OLD;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.forget_subscription() FROM PUBLIC`.execute(db)
  for (const table of ['projects', 'portraits', 'companies']) {
    await sql`
      CREATE TRIGGER ${sql.id(`${table}_forget`)} BEFORE DELETE ON ${sql.id(table)}
        FOR EACH ROW EXECUTE FUNCTION fleet.forget_subscription()`.execute(db)
  }
}

export async function down(db: Kysely<any>): Promise<void> {
  for (const table of ['projects', 'portraits', 'companies']) {
    await sql`DROP TRIGGER ${sql.id(`${table}_forget`)} ON ${sql.id(table)}`.execute(db)
    await sql`DROP TRIGGER ${sql.id(`${table}_renew`)} ON ${sql.id(table)}`.execute(db)
  }
  await sql`DROP TRIGGER projects_reopen_content ON projects`.execute(db)
  await sql`
    DROP FUNCTION fleet.forget_subscription(), fleet.renew_company(), fleet.reopen_content(), fleet.renew_subscription(),
                  fleet.undo_act(text, integer, text, text, text, text),
                  fleet.carry_over(text, integer, timestamp, timestamp),
                  fleet.withdraw_notices(text, integer, timestamp, timestamp),
                  fleet.cancel_notifications(text[]), fleet.waiting_notifications(text[]),
                  fleet.lifecycle_state(timestamp, integer), fleet.window_holds(timestamp, interval)`.execute(db)
}
