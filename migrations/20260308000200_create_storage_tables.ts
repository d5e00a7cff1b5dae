import { type Kysely, sql } from 'kysely'

/**
 * What the recount of storage remembers. `fleet.storage_counts` has what it wrote last: by that it tells its own figures, which it
 * corrects even to nothing, from the platform's, which it leaves where the database holds none. `fleet.storage_notices` has each time
 * that a company has reached a share of its quota. What it was told of that keeps nobody from deleting a company: a foreign key of the
 * platform's refers to that.
 *
 * Locks: SHARE ROW EXCLUSIVE on companies, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.storage_counts (
      entity_type varchar(20) NOT NULL,
      entity_id   integer     NOT NULL,
      files       integer,
      bytes       bigint,
      PRIMARY KEY (entity_type, entity_id),
      CONSTRAINT ck_storage_counts_entity_type CHECK (entity_type IN ('storage_folders', 'companies'))
    )`.execute(db)
  await sql`
    CREATE TABLE fleet.storage_notices (
      id         bigserial   PRIMARY KEY,
      company_id integer     NOT NULL,
      percent    smallint    NOT NULL,
      used_bytes bigint      NOT NULL,
      quota_gb   integer     NOT NULL,
      is_told    boolean     NOT NULL,
      reached_at timestamptz NOT NULL,
      fell_at    timestamptz,
      CONSTRAINT ck_storage_notices_percent CHECK (percent IN (80, 95, 100))
    )`.execute(db)
  // Once a crossing, whoever looks and however many do.
  await sql`
    CREATE UNIQUE INDEX ux_storage_notices_standing ON fleet.storage_notices (company_id, percent) WHERE fell_at IS NULL`.execute(
    db,
  )
  await followDeletion(db)
}

async function followDeletion(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE FUNCTION fleet.forget_storage() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
      PERFORM fleet.cancel_notifications(ARRAY(SELECT 'storage:' || id FROM fleet.storage_notices WHERE company_id = OLD.id));
      UPDATE public.notifications SET company_id = NULL WHERE company_id = OLD.id AND event_data ->> 'notice' LIKE 'storage:%';
      DELETE FROM fleet.storage_notices WHERE company_id = OLD.id;
      RETURN OLD;
    END $$`.execute(db)
  await sql`REVOKE EXECUTE ON FUNCTION fleet.forget_storage() FROM PUBLIC`.execute(db)
  await sql`
    CREATE TRIGGER companies_forget_storage BEFORE DELETE ON companies
      FOR EACH ROW EXECUTE FUNCTION fleet.forget_storage()`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TRIGGER companies_forget_storage ON companies`.execute(db)
  await sql`DROP FUNCTION fleet.forget_storage()`.execute(db)
  await sql`DROP TABLE fleet.storage_notices, fleet.storage_counts`.execute(db)
}

export const drops = ['fleet.storage_counts', 'fleet.storage_notices']
