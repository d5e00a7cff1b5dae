import { type Kysely, sql } from 'kysely'

/**
 * What the recount of storage remembers. `fleet.storage_counts` has what it wrote last: by that it tells its own figures, which it
 * corrects even to nothing, from the platform's, which it leaves where the database holds none. `fleet.storage_notices` has each time
 * that a company has reached a share of its quota.
 *
 * Locks: none on existing tables.
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
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TABLE fleet.storage_notices, fleet.storage_counts`.execute(db)
}

export const drops = ['fleet.storage_counts', 'fleet.storage_notices']
