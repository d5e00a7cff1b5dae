import { type Kysely, sql } from 'kysely'

/**
 * How the migrations share a database with a platform that made its tables first. Each object of the platform is *drafted* in schema
 * `fleet` and then *settled*: moved to `public` where that has none, or else the existing one is brought to the draft's shape, and the
 * draft dropped. `fleet.adoptions` remembers what was found and what was changed, so that `down` undoes that and nothing else.
 *
 * This file has the record and the types, functions and views; the next one has the tables. The functions run with `pg_catalog` as
 * their search path: definitions that PostgreSQL prints are then qualified throughout, and so can be compared and executed later.
 *
 * Schema `fleet` itself is not made here: it holds the migrator's bookkeeping, so the migrator makes it before the first
 * migration and drops it after the last has been reverted.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createRecord(db)
  await openSchema(db)
  await createWithoutTriggers(db)
  await createSettleType(db)
  await createSettleFunction(db)
  await createSettleView(db)
}

async function createRecord(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.adoptions (
      id     integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      kind   text        NOT NULL,
      name   text        NOT NULL,
      what   text        NOT NULL CHECK (what IN ('created', 'found', 'changed')),
      change text        NOT NULL,
      undo   text,
      at     timestamptz NOT NULL DEFAULT now()
    )`.execute(db)
  await sql`
    CREATE FUNCTION fleet.note_adoption(object_kind text, object_name text, what text, change text, undo text DEFAULT NULL)
    RETURNS void LANGUAGE sql SET search_path = pg_catalog AS $$
      INSERT INTO fleet.adoptions (kind, name, what, change, undo)
      VALUES ($1, $2, $3, $4, $5)
    $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.change_found(object_kind text, object_name text, change text, statement text, undo text)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    BEGIN
      EXECUTE statement;
      PERFORM fleet.note_adoption(object_kind, object_name, 'changed', change, undo);
    END $$`.execute(db)
  // Latest first: what was made last may rest on what was made before it.
  await sql`
    CREATE FUNCTION fleet.withdraw(object_kind text, object_name text)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      step record;
    BEGIN
      FOR step IN
        SELECT undo FROM fleet.adoptions
         WHERE kind = object_kind AND name = object_name AND undo IS NOT NULL
         ORDER BY id DESC
      LOOP
        EXECUTE step.undo;
      END LOOP;
      DELETE FROM fleet.adoptions WHERE kind = object_kind AND name = object_name;
    END $$`.execute(db)
}

async function openSchema(db: Kysely<any>): Promise<void> {
  // Trigger functions look fleet.utc_now() up as whoever writes, and that is the platform's own role as well. What the schema
  // holds has grants of its own. A schema that was there before the fleet may be open already, and stays so.
  await sql`
    DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_namespace, aclexplode(nspacl) AS acl
                      WHERE nspname = 'fleet' AND acl.grantee = 0 AND acl.privilege_type = 'USAGE') THEN
        GRANT USAGE ON SCHEMA fleet TO PUBLIC;
        PERFORM fleet.note_adoption('schema', 'fleet', 'created', 'USAGE granted to PUBLIC', 'REVOKE USAGE ON SCHEMA fleet FROM PUBLIC');
      END IF;
    END $$`.execute(db)
}

async function createWithoutTriggers(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.trigger_state(relation regclass, trigger_name name, state "char")
    RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
      SELECT format('ALTER TABLE %s %s TRIGGER %I', relation,
                    CASE state WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE' END,
                    trigger_name)
    $$`.execute(db)
  // A migration that rewrites a row must not look like a change that somebody made to it: no new updated_at, no wake-up.
  await sql`
    CREATE FUNCTION fleet.without_triggers(relation regclass, statement text)
    RETURNS bigint LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      restore text;
      changed bigint;
    BEGIN
      SELECT string_agg(fleet.trigger_state(relation, tgname, tgenabled), '; ') INTO restore
        FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal AND tgenabled <> 'D';
      EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', relation);
      EXECUTE statement;
      GET DIAGNOSTICS changed = ROW_COUNT;
      IF restore IS NOT NULL THEN
        EXECUTE restore;
      END IF;
      RETURN changed;
    END $$`.execute(db)
}

async function createSettleType(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.settle_type(object_name text)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      draft    regtype := format('fleet.%I', object_name)::regtype;
      existing regtype := to_regtype(format('public.%I', object_name));
      missing  text;
    BEGIN
      IF existing IS NULL THEN
        EXECUTE format('ALTER TYPE %s SET SCHEMA public', draft);
        PERFORM fleet.note_adoption('type', object_name, 'created', 'created', format('DROP TYPE public.%I', object_name));
        RETURN;
      END IF;
      SELECT string_agg(format('ALTER TYPE %s ADD VALUE %L', existing, wanted.enumlabel), '; ' ORDER BY wanted.enumsortorder)
        INTO missing
        FROM pg_enum wanted
       WHERE wanted.enumtypid = draft
         AND NOT EXISTS (SELECT FROM pg_enum e WHERE e.enumtypid = existing AND e.enumlabel = wanted.enumlabel);
      IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'type % has not all the labels that are needed', existing USING HINT = missing;
      END IF;
      EXECUTE format('DROP TYPE %s', draft);
      PERFORM fleet.note_adoption('type', object_name, 'found', 'was there');
    END $$`.execute(db)
}

async function createSettleFunction(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.settle_function(object_name text)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      draft    regprocedure := format('fleet.%I()', object_name)::regprocedure;
      existing regprocedure := to_regprocedure(format('public.%I()', object_name));
      wanted   text := replace(pg_get_functiondef(draft), format('FUNCTION fleet.%I(', object_name), format('FUNCTION public.%I(', object_name));
      former   text;
    BEGIN
      IF existing IS NULL THEN
        EXECUTE format('ALTER FUNCTION %s SET SCHEMA public', draft);
        PERFORM fleet.note_adoption('function', object_name, 'created', 'created', format('DROP FUNCTION public.%I()', object_name));
        RETURN;
      END IF;
      former := pg_get_functiondef(existing);
      EXECUTE format('DROP FUNCTION %s', draft);
      PERFORM fleet.note_adoption('function', object_name, 'found', 'was there');
      IF former <> wanted THEN
        PERFORM fleet.change_found('function', object_name, 'body replaced', wanted, former);
      END IF;
    END $$`.execute(db)
}

async function createSettleView(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.view_columns(view regclass)
    RETURNS text[] LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
      SELECT array_agg(format('%I %s', attname, format_type(atttypid, atttypmod)) ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = view AND attnum > 0 AND NOT attisdropped
    $$`.execute(db)
  await createViewStatements(db)
  // OR REPLACE keeps the owner, the grants and the views that read this one, but not where a column has another name or place.
  await sql`
    CREATE FUNCTION fleet.settle_view(object_name text)
    RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
    DECLARE
      draft    regclass := format('fleet.%I', object_name)::regclass;
      existing regclass := to_regclass(format('public.%I', object_name));
      wanted   text := pg_get_viewdef(draft);
      former   text := pg_get_viewdef(existing);
      kept     boolean := fleet.view_columns(draft) = fleet.view_columns(existing);
    BEGIN
      IF existing IS NULL THEN
        EXECUTE format('ALTER VIEW %s SET SCHEMA public', draft);
        PERFORM fleet.note_adoption('view', object_name, 'created', 'created', format('DROP VIEW public.%I', object_name));
        RETURN;
      END IF;
      EXECUTE format('DROP VIEW %s', draft);
      PERFORM fleet.note_adoption('view', object_name, 'found', 'was there');
      IF former <> wanted THEN
        PERFORM fleet.change_found('view', object_name,
          CASE WHEN kept THEN 'definition replaced' ELSE 'made anew, for its columns differed' END,
          fleet.view_statements(existing, wanted, kept), fleet.view_statements(existing, former, kept));
      END IF;
    END $$`.execute(db)
}

async function createViewStatements(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.view_statements(view regclass, definition text, kept boolean)
    RETURNS text LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
      WITH grants AS (
        SELECT acl.*, '' AS columns FROM pg_class, aclexplode(relacl) acl WHERE oid = view
        UNION ALL
        SELECT acl.*, format(' (%I)', attname) FROM pg_attribute, aclexplode(attacl) acl WHERE attrelid = view)
      SELECT concat_ws('; ',
               CASE WHEN NOT kept THEN format('DROP VIEW %s', view) END,
               format('CREATE OR REPLACE VIEW %s%s AS %s', view,
                      ' WITH (' || array_to_string(reloptions, ', ') || ')', rtrim(definition, ';')),
               CASE WHEN NOT kept THEN format('ALTER VIEW %s OWNER TO %I', view, pg_get_userbyid(relowner)) END,
               CASE WHEN NOT kept THEN format('COMMENT ON VIEW %s IS %L', view, obj_description(oid, 'pg_class')) END,
               CASE WHEN NOT kept THEN (
                 SELECT string_agg(format('GRANT %s%s ON %s TO %s%s', privilege_type, columns, view,
                                          CASE grantee WHEN 0 THEN 'PUBLIC' ELSE format('%I', pg_get_userbyid(grantee)) END,
                                          CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END), '; ')
                   FROM grants) END)
        FROM pg_class WHERE oid = view
    $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('schema', 'fleet')`.execute(db)
  await sql`DROP FUNCTION fleet.settle_view(text), fleet.view_statements(regclass, text, boolean), fleet.view_columns(regclass)`.execute(
    db,
  )
  await sql`DROP FUNCTION fleet.settle_function(text), fleet.settle_type(text)`.execute(db)
  await sql`DROP FUNCTION fleet.without_triggers(regclass, text), fleet.trigger_state(regclass, name, "char")`.execute(
    db,
  )
  await sql`DROP FUNCTION fleet.withdraw(text, text), fleet.change_found(text, text, text, text, text)`.execute(db)
  await sql`DROP FUNCTION fleet.note_adoption(text, text, text, text, text)`.execute(db)
  await sql`DROP TABLE fleet.adoptions`.execute(db)
}
