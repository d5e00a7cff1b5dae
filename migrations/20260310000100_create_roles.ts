import { type Kysely, sql } from 'kysely'

/**
 * The four roles that rights are given to; people and programs get theirs by becoming members. Roles belong to the whole cluster:
 * several databases may share them, and a DBA may have made them before. Where the migrating user may not create roles, a notice says
 * what to run, and `fleet.apply_roles()` gives them their rights later.
 *
 * Locks: none.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // The comment remembers which database made a role, so that `down` of another one leaves it.
  await sql`
    CREATE FUNCTION fleet.create_roles() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
      missing text;
    BEGIN
      FOREACH missing IN ARRAY ARRAY['fleet_owner', 'fleet_worker', 'fleet_app', 'fleet_readonly'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = missing);
        BEGIN
          EXECUTE format('CREATE ROLE %I NOLOGIN', missing);
          EXECUTE format('COMMENT ON ROLE %I IS %L', missing,
                         'created by the fleet''s migrations of database ' || current_database());
        EXCEPTION
          WHEN duplicate_object OR unique_violation THEN
            NULL; -- Another database of the cluster was faster.
          WHEN insufficient_privilege THEN
            RAISE NOTICE 'role % is not created: %', missing, SQLERRM
              USING HINT = format('Have it created with CREATE ROLE %I NOLOGIN; then SELECT fleet.apply_roles() gives it its rights.', missing);
        END;
      END LOOP;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.create_roles() FROM PUBLIC`.execute(db)
  await sql`SELECT fleet.create_roles()`.execute(db)
}

/** Drops the roles that this database's migration made and that nobody has come to use: no member, no right, in no database. */
export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.create_roles()`.execute(db)
  // DROP ROLE would end memberships silently. Whoever creates a role without being a superuser is made its member (from 16 on).
  await sql`
    DO $$
    DECLARE
      made record;
    BEGIN
      FOR made IN
        SELECT r.oid, r.rolname,
               EXISTS (SELECT FROM pg_auth_members m
                        WHERE r.oid IN (m.roleid, m.member)
                          AND m.member <> (SELECT oid FROM pg_roles WHERE rolname = current_user)) AS is_used
          FROM pg_roles r
         WHERE r.rolname IN ('fleet_owner', 'fleet_worker', 'fleet_app', 'fleet_readonly')
           AND shobj_description(r.oid, 'pg_authid') = 'created by the fleet''s migrations of database ' || current_database()
         ORDER BY r.rolname
      LOOP
        IF made.is_used THEN
          RAISE NOTICE 'role % stays: it has members, or is one', made.rolname;
          CONTINUE;
        END IF;
        BEGIN
          EXECUTE format('DROP ROLE %I', made.rolname);
        EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR undefined_object THEN
          RAISE NOTICE 'role % stays: %', made.rolname, SQLERRM;
        END;
      END LOOP;
    END $$`.execute(db)
}
