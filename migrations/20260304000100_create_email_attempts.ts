import { type Kysely, sql } from 'kysely'

/**
 * What the mail queue remembers of each attempt.
 *
 * `fleet.email_handovers` holds the claims whose message a server may have: a row is inserted before the first byte of a message is
 * written to a connection and deleted with the recording of its outcome. What a dead worker leaves there is ambiguous.
 *
 * `fleet.email_attempts` is the ledger: a row is added when an attempt has ended, and never changed. Partitioned by the month in which
 * attempts ended, so that a month is dropped at once when its retention is over.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.email_handovers (
      token          bigint      PRIMARY KEY,
      handed_over_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`.execute(db)
  // Rows live for milliseconds: dead ones are most of it.
  await sql`
    ALTER TABLE fleet.email_handovers SET (
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)`.execute(
    db,
  )
  await createLedger(db)
}

async function createLedger(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.email_attempts (
      email_id       integer      NOT NULL,
      attempt        integer      NOT NULL,
      token          bigint       NOT NULL,
      worker         varchar(200),
      claimed_at     timestamptz,
      handed_over_at timestamptz,
      ended_at       timestamptz  NOT NULL DEFAULT clock_timestamp(),
      outcome        varchar(20)  NOT NULL,
      error_class    varchar(50),
      smtp_code      smallint,
      enhanced_code  varchar(20),
      reply          text,
      transport      varchar(300),
      duration_ms    integer,
      CONSTRAINT ck_email_attempts_outcome CHECK (
        outcome IN ('sent', 'soft_failure', 'throttled', 'outage', 'hard_failure', 'skipped', 'ambiguous'))
    ) PARTITION BY RANGE (ended_at)`.execute(db)
  await sql`CREATE TABLE fleet.email_attempts_default PARTITION OF fleet.email_attempts DEFAULT`.execute(db)
  await sql`SELECT fleet.close_partition('fleet.email_attempts_default')`.execute(db)
  await sql`INSERT INTO fleet.partitioned_tables (parent) VALUES ('fleet.email_attempts')`.execute(db)
  await sql`CREATE INDEX ix_email_attempts_email_id ON fleet.email_attempts (email_id)`.execute(db)
  await sql`
    CREATE INDEX ix_email_attempts_ambiguous ON fleet.email_attempts (email_id) WHERE outcome = 'ambiguous'`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DELETE FROM fleet.partitioned_tables WHERE parent = 'fleet.email_attempts'::regclass`.execute(db)
  await sql`DROP TABLE fleet.email_attempts`.execute(db)
  await sql`DROP TABLE fleet.email_handovers`.execute(db)
}

export const drops = ['fleet.email_attempts', 'fleet.email_handovers']
