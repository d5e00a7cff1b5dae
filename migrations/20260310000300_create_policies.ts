import { type Kysely, sql } from 'kysely'

/**
 * Row-level security: a session of `fleet_app` that has set `app.company_id` sees and writes what is that company's own, and one that
 * has not, nothing. The policies are made here and stand idle until somebody switches row security on (`fleet migrate rls enable`);
 * from PostgreSQL 15 on the three views read with their reader's rights, so that they do not go past the policies.
 *
 * `fleet.apply_roles()` makes whatever of roles, rights and policies is missing, at any time.
 *
 * Locks: ACCESS EXCLUSIVE on the twelve tables, briefly, all at once or none (it fails, and the runner tries again, while one is in
 * use); then on the three views.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createLookups(db)
  await createLocking(db)
  await createPolicies(db)
  await createSwitches(db)
  await listRolesLosingSight(db)
  await guardViews(db)
  await sql`
    CREATE FUNCTION fleet.apply_roles() RETURNS void LANGUAGE sql AS $$
      SELECT fleet.create_roles();
      SELECT fleet.create_policies();
      SELECT fleet.guard_views(false);
      SELECT fleet.grant_roles()
    $$`.execute(db)
  await sql`
    REVOKE EXECUTE ON FUNCTION fleet.apply_roles(), fleet.create_policies(), fleet.guard_views(boolean),
      fleet.enable_row_security(boolean), fleet.disable_row_security() FROM PUBLIC`.execute(db)
  await sql`SELECT fleet.apply_roles()`.execute(db)
}

async function createLookups(db: Kysely<any>): Promise<void> {
  // Nothing for what is no number: a policy that fails would be an error on every page instead of an empty one.
  await sql`
    CREATE FUNCTION fleet.current_company_id() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT CASE WHEN current_setting('app.company_id', true) ~ '^[0-9]{1,18}$'
                      THEN current_setting('app.company_id', true)::bigint END $$`.execute(db)
  // A policy of folders that reads folders would recurse; inside a function the policies are applied anew, as to any query.
  await sql`
    CREATE FUNCTION fleet.sees_folder(folder_id integer) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM public.folders f WHERE f.id = folder_id) $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.guarded_tables() RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT to_regclass('public.' || name)
            FROM unnest(ARRAY['companies', 'projects', 'folders', 'clients', 'orders', 'portraits', 'videos', 'ar_content',
                              'video_rotation_schedules', 'ar_view_sessions', 'storage_folders', 'notifications']) AS name
           WHERE to_regclass('public.' || name) IS NOT NULL $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.guarded_views() RETURNS SETOF regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT to_regclass('public.' || name)
            FROM unnest(ARRAY['active_projects', 'expiring_portraits', 'expiring_subscriptions']) AS name
           WHERE to_regclass('public.' || name) IS NOT NULL $$`.execute(db)
}

async function createLocking(db: Kysely<any>): Promise<void> {
  // Whoever waited for one table after the other would hold up the writers of those that it has, for the sum of the waits.
  await sql`
    CREATE FUNCTION fleet.lock_at_once(tables regclass[]) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      IF cardinality(tables) > 0 THEN
        EXECUTE 'LOCK TABLE ' || (SELECT string_agg(format('ONLY %s', name), ', ' ORDER BY name::text) FROM unnest(tables) AS name)
             || ' IN ACCESS EXCLUSIVE MODE NOWAIT';
      END IF;
    END $$`.execute(db)
}

/** In parentheses PostgreSQL asks once for each statement, not for each row, and can look the answer up in an index. */
const own = '(SELECT fleet.current_company_id())'

/** The row that `reference` names is the company's own. Foreign keys do not ask: they see every row. */
const isOwn = (table: string, reference: string) =>
  `EXISTS (SELECT FROM public.${table} o WHERE o.id = ${reference} AND o.company_id = ${own})`
const isOwnOrNone = (table: string, reference: string) => `(${reference} IS NULL OR ${isOwn(table, reference)})`

/** For each table, which rows are a company's own, and what a row that it writes may refer to. */
const rules = [
  ['companies', `companies.id = ${own}`, 'true'],
  ['projects', `projects.company_id = ${own}`, 'true'],
  [
    'folders',
    isOwn('projects', 'folders.project_id'),
    '(folders.parent_id IS NULL OR fleet.sees_folder(folders.parent_id))',
  ],
  ['clients', `clients.company_id = ${own}`, 'true'],
  ['orders', `orders.company_id = ${own}`, isOwnOrNone('clients', 'orders.client_id')],
  [
    'portraits',
    `portraits.company_id = ${own}`,
    `${isOwnOrNone('clients', 'portraits.client_id')}
     AND ${isOwnOrNone('storage_folders', 'portraits.storage_folder_id')}
     AND (portraits.folder_id IS NULL OR EXISTS (
       SELECT FROM public.folders f JOIN public.projects p ON p.id = f.project_id WHERE f.id = portraits.folder_id AND p.company_id = ${own}))`,
  ],
  ['videos', isOwn('portraits', 'videos.portrait_id'), 'true'],
  [
    'ar_content',
    `ar_content.company_id = ${own}`,
    `${isOwn('projects', 'ar_content.project_id')}
     AND (ar_content.active_video_id IS NULL OR EXISTS (
       SELECT FROM public.videos v JOIN public.portraits p ON p.id = v.portrait_id WHERE v.id = ar_content.active_video_id AND p.company_id = ${own}))`,
  ],
  ['video_rotation_schedules', isOwn('ar_content', 'video_rotation_schedules.ar_content_id'), 'true'],
  [
    'ar_view_sessions',
    `ar_view_sessions.company_id = ${own}`,
    `${isOwn('projects', 'ar_view_sessions.project_id')} AND ${isOwn('ar_content', 'ar_view_sessions.ar_content_id')}`,
  ],
  ['storage_folders', `storage_folders.company_id = ${own}`, 'true'],
  [
    'notifications',
    `notifications.company_id = ${own}`,
    `${isOwnOrNone('projects', 'notifications.project_id')} AND ${isOwnOrNone('ar_content', 'notifications.ar_content_id')}`,
  ],
] as const

async function createPolicies(db: Kysely<any>): Promise<void> {
  const ofCompanies = rules.map(([table, seen, refers]) => `('${table}', '${seen}', '${refers}')`).join(',\n')
  // A policy is named after the role that it is for.
  await sql`
    CREATE FUNCTION fleet.create_policies() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      missing text;
    BEGIN
      PERFORM fleet.lock_at_once(ARRAY(
        SELECT t FROM fleet.guarded_tables() AS t
         WHERE EXISTS (SELECT FROM pg_roles
                        WHERE rolname IN ('fleet_owner', 'fleet_worker', 'fleet_app', 'fleet_readonly')
                          AND rolname NOT IN (SELECT polname FROM pg_policy WHERE polrelid = t))));
      FOR missing IN
        SELECT format('CREATE POLICY %1$I ON %2$s %3$s TO %1$I USING (%4$s)%5$s', wanted.role, wanted.relation, wanted.command, wanted.seen,
                      ' WITH CHECK (' || wanted.written || ')')
          FROM (
            SELECT 'fleet_app', to_regclass('public.' || name), 'FOR ALL', seen, format('%s AND %s', seen, refers)
              FROM (VALUES ${sql.raw(ofCompanies)}) AS rules (name, seen, refers)
            UNION ALL
            SELECT role, relation, command, 'true', written
              FROM fleet.guarded_tables() AS relation
             CROSS JOIN (VALUES ('fleet_owner', 'FOR ALL', 'true'), ('fleet_worker', 'FOR ALL', 'true'),
                                ('fleet_readonly', 'FOR SELECT', NULL)) AS others (role, command, written)
          ) AS wanted (role, relation, command, seen, written)
          JOIN pg_roles r ON r.rolname = wanted.role
         WHERE wanted.relation IS NOT NULL
           AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = wanted.relation AND polname = wanted.role)
         ORDER BY wanted.relation::text, wanted.role
      LOOP
        EXECUTE missing;
      END LOOP;
    END $$`.execute(db)
}

async function createSwitches(db: Kysely<any>): Promise<void> {
  // What a platform has switched on itself is not in it, and nobody but the platform switches it off.
  await sql`
    CREATE TABLE fleet.row_security (
      relation text NOT NULL,
      setting  text NOT NULL CHECK (setting IN ('enabled', 'forced', 'security_invoker')),
      PRIMARY KEY (relation, setting)
    )`.execute(db)
  await sql`
    CREATE FUNCTION fleet.enable_row_security(force boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      t record;
    BEGIN
      PERFORM fleet.lock_at_once(ARRAY(
        SELECT oid::regclass FROM pg_class
         WHERE oid IN (SELECT fleet.guarded_tables()) AND NOT (relrowsecurity AND (relforcerowsecurity OR NOT force))));
      FOR t IN
        SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class
         WHERE oid IN (SELECT fleet.guarded_tables()) ORDER BY relname
      LOOP
        IF NOT t.relrowsecurity THEN
          EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', t.relname);
          INSERT INTO fleet.row_security VALUES (t.relname, 'enabled') ON CONFLICT DO NOTHING;
        END IF;
        IF force AND NOT t.relforcerowsecurity THEN
          EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', t.relname);
          INSERT INTO fleet.row_security VALUES (t.relname, 'forced') ON CONFLICT DO NOTHING;
        END IF;
      END LOOP;
    END $$`.execute(db)
  await sql`
    CREATE FUNCTION fleet.disable_row_security() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      ours record;
    BEGIN
      PERFORM fleet.lock_at_once(ARRAY(
        SELECT DISTINCT to_regclass('public.' || relation) FROM fleet.row_security
         WHERE setting IN ('enabled', 'forced') AND to_regclass('public.' || relation) IS NOT NULL));
      FOR ours IN
        DELETE FROM fleet.row_security WHERE setting IN ('enabled', 'forced') AND to_regclass('public.' || relation) IS NOT NULL
        RETURNING relation, CASE setting WHEN 'enabled' THEN 'DISABLE' ELSE 'NO FORCE' END AS change
      LOOP
        EXECUTE format('ALTER TABLE public.%I %s ROW LEVEL SECURITY', ours.relation, ours.change);
      END LOOP;
    END $$`.execute(db)
}

async function listRolesLosingSight(db: Kysely<any>): Promise<void> {
  // Considered are roles that somebody can act as: those that log in, those that members have to SET ROLE to, and owners. Superusers
  // and BYPASSRLS are never affected, owners only by FORCE.
  await sql`
    CREATE FUNCTION fleet.roles_losing_sight(force boolean) RETURNS TABLE (role text, relation text, commands text[])
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH acting AS (
      SELECT r.oid, r.rolname FROM pg_roles r
       WHERE NOT r.rolsuper AND NOT r.rolbypassrls
         AND (r.rolcanlogin
              OR EXISTS (SELECT FROM pg_class c WHERE c.oid IN (SELECT fleet.guarded_tables()) AND c.relowner = r.oid)
              OR EXISTS (SELECT FROM pg_roles m WHERE m.rolcanlogin AND NOT m.rolsuper
                            AND pg_has_role(m.oid, r.oid, 'MEMBER') AND NOT pg_has_role(m.oid, r.oid, 'USAGE')))),
    losses AS (
      SELECT a.rolname, t.relname, c.command, c.position
        FROM pg_class t
       CROSS JOIN acting a
       CROSS JOIN (VALUES (1, 'SELECT', 'r'), (2, 'INSERT', 'a'), (3, 'UPDATE', 'w'), (4, 'DELETE', 'd'))
               AS c (position, command, letter)
       WHERE t.oid IN (SELECT fleet.guarded_tables())
         AND CASE WHEN force THEN NOT (t.relrowsecurity AND t.relforcerowsecurity) ELSE NOT t.relrowsecurity END
         AND (force OR NOT pg_has_role(a.oid, t.relowner, 'USAGE'))
         AND CASE c.command WHEN 'DELETE' THEN has_table_privilege(a.oid, t.oid, 'DELETE')
                            ELSE has_any_column_privilege(a.oid, t.oid, c.command) END
         AND NOT EXISTS (
               SELECT FROM pg_policy p CROSS JOIN unnest(p.polroles) AS member_of
                WHERE p.polrelid = t.oid AND p.polpermissive AND p.polcmd::text IN ('*', c.letter)
                  AND (member_of = 0 OR pg_has_role(a.oid, member_of, 'USAGE')))
      UNION ALL
      SELECT a.rolname, v.relname, 'SELECT', 1
        FROM pg_class v
       CROSS JOIN acting a
       WHERE current_setting('server_version_num')::integer >= 150000
         AND v.oid IN (SELECT fleet.guarded_views()) AND v.relkind = 'v'
         AND NOT EXISTS (SELECT FROM pg_options_to_table(v.reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean)
         AND has_any_column_privilege(a.oid, v.oid, 'SELECT')
         AND NOT (has_table_privilege(a.oid, 'public.companies', 'SELECT')
                  AND has_table_privilege(a.oid, CASE v.relname WHEN 'expiring_portraits' THEN 'public.portraits' ELSE 'public.projects' END, 'SELECT')))
    SELECT rolname::text, relname::text, array_agg(command ORDER BY position)
      FROM losses GROUP BY rolname, relname ORDER BY rolname, relname
    $$`.execute(db)
}

async function guardViews(db: Kysely<any>): Promise<void> {
  // Readers who have a right to a view only would be shut out of it, so where there are some that is left to whoever switches row
  // security on, who is told of them.
  await sql`
    CREATE FUNCTION fleet.guard_views(regardless boolean) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      open_view text;
      reader text;
    BEGIN
      IF current_setting('server_version_num')::integer < 150000 THEN RETURN; END IF;
      FOR open_view IN
        SELECT relname FROM pg_class
         WHERE oid IN (SELECT fleet.guarded_views()) AND relkind = 'v'
           AND NOT EXISTS (SELECT FROM pg_options_to_table(reloptions) WHERE option_name = 'security_invoker' AND option_value::boolean)
         ORDER BY relname
      LOOP
        SELECT string_agg(role, ', ') INTO reader FROM fleet.roles_losing_sight(false) WHERE relation = open_view;
        IF reader IS NOT NULL AND NOT regardless THEN
          RAISE NOTICE 'view % goes on reading with its owner''s rights: % could no longer read it', open_view, reader
            USING HINT = 'Give them SELECT on projects, portraits and companies; then SELECT fleet.apply_roles().';
          CONTINUE;
        END IF;
        EXECUTE format('ALTER VIEW public.%I SET (security_invoker = true)', open_view);
        INSERT INTO fleet.row_security VALUES (open_view, 'security_invoker') ON CONFLICT DO NOTHING;
      END LOOP;
    END $$`.execute(db)
}

/** Takes back what `up` and `fleet migrate rls enable` have done, and leaves what the platform had switched on or made itself. */
export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.lock_at_once(ARRAY(SELECT fleet.guarded_tables()))`.execute(db)
  await sql`SELECT fleet.disable_row_security()`.execute(db)
  await sql`
    DO $$
    DECLARE
      statement text;
    BEGIN
      FOR statement IN
        SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass)
          FROM pg_policy
         WHERE polrelid IN (SELECT fleet.guarded_tables()) AND polname IN ('fleet_owner', 'fleet_worker', 'fleet_app', 'fleet_readonly')
        UNION ALL
        SELECT format('REVOKE SELECT ON %s FROM fleet_app', c.oid::regclass)
          FROM fleet.row_security
          JOIN pg_class c ON c.oid = to_regclass(relation)
          JOIN pg_roles r ON r.rolname = 'fleet_app' AND r.oid <> c.relowner
         WHERE setting = 'security_invoker'
        UNION ALL
        SELECT format('ALTER VIEW %s RESET (security_invoker)', to_regclass(relation))
          FROM fleet.row_security
         WHERE setting = 'security_invoker' AND to_regclass(relation) IS NOT NULL
      LOOP
        EXECUTE statement;
      END LOOP;
    END $$`.execute(db)
  await sql`DROP TABLE fleet.row_security`.execute(db)
  await sql`
    DROP FUNCTION fleet.apply_roles(), fleet.guard_views(boolean), fleet.roles_losing_sight(boolean), fleet.disable_row_security(),
      fleet.enable_row_security(boolean), fleet.create_policies(), fleet.lock_at_once(regclass[]), fleet.guarded_views(), fleet.guarded_tables(), fleet.sees_folder(integer),
      fleet.current_company_id()`.execute(db)
}
