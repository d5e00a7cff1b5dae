import { type Kysely, sql } from 'kysely'

/**
 * The fleet's own tables about notifications.
 *
 * `fleet.notification_attempts` and `fleet.notification_handovers` are for them what `email_attempts` and `email_handovers` are for mail.
 * `fleet.channels` says which channels pause, for every process. `fleet.telegram_chats` is what is known of chats, their pace included,
 * and `fleet.telegram_links` the invitations to link one.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createLedger(db)
  await createChannels(db)
  await createChats(db)
}

async function createLedger(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.notification_handovers (
      token          bigint      PRIMARY KEY,
      handed_over_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`.execute(db)
  // Rows live for milliseconds: dead ones are most of it.
  await sql`
    ALTER TABLE fleet.notification_handovers SET (
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0)`.execute(
    db,
  )
  await sql`
    CREATE TABLE fleet.notification_attempts (
      notification_id integer      NOT NULL,
      attempt         integer      NOT NULL,
      token           bigint       NOT NULL,
      worker          varchar(200),
      claimed_at      timestamptz,
      handed_over_at  timestamptz,
      ended_at        timestamptz  NOT NULL DEFAULT clock_timestamp(),
      outcome         varchar(20)  NOT NULL,
      error_class     varchar(50),
      code            smallint,
      provider_code   varchar(20),
      reply           text,
      transport       varchar(300),
      duration_ms     integer,
      CONSTRAINT ck_notification_attempts_outcome CHECK (
        outcome IN ('sent', 'soft_failure', 'throttled', 'outage', 'hard_failure', 'skipped', 'ambiguous'))
    ) PARTITION BY RANGE (ended_at)`.execute(db)
  await sql`CREATE TABLE fleet.notification_attempts_default PARTITION OF fleet.notification_attempts DEFAULT`.execute(
    db,
  )
  await sql`SELECT fleet.close_partition('fleet.notification_attempts_default')`.execute(db)
  await sql`INSERT INTO fleet.partitioned_tables (parent) VALUES ('fleet.notification_attempts')`.execute(db)
  await sql`CREATE INDEX ix_notification_attempts_notification_id ON fleet.notification_attempts (notification_id)`.execute(
    db,
  )
}

async function createChannels(db: Kysely<any>): Promise<void> {
  // The row of a busy channel changes with every message: room on its page keeps that cheap.
  await sql`
    CREATE TABLE fleet.channels (
      name         varchar(50) PRIMARY KEY,
      paused_until timestamptz,
      reason       text,
      strikes      smallint NOT NULL DEFAULT 0,
      next_at      timestamptz
    ) WITH (fillfactor = 10)`.execute(db)
  await sql`INSERT INTO fleet.channels (name) VALUES ('email'), ('telegram'), ('sms'), ('system')`.execute(db)
}

async function createChats(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.telegram_chats (
      chat_id            varchar(100) PRIMARY KEY,
      next_at            timestamptz,
      recent             timestamptz[],
      migrated_to        varchar(100),
      unreachable_since  timestamptz,
      unreachable_class  varchar(50),
      unreachable_reason text
    ) WITH (fillfactor = 50)`.execute(db)
  await sql`
    CREATE TABLE fleet.telegram_links (
      token_hash bytea       PRIMARY KEY,
      company_id integer     NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      expires_at timestamptz NOT NULL,
      used_at    timestamptz,
      chat_id    varchar(100)
    )`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TABLE fleet.telegram_links`.execute(db)
  await sql`DROP TABLE fleet.telegram_chats`.execute(db)
  await sql`DROP TABLE fleet.channels`.execute(db)
  await sql`DELETE FROM fleet.partitioned_tables WHERE parent = 'fleet.notification_attempts'::regclass`.execute(db)
  await sql`DROP TABLE fleet.notification_attempts`.execute(db)
  await sql`DROP TABLE fleet.notification_handovers`.execute(db)
}

export const drops = [
  'fleet.notification_attempts',
  'fleet.notification_handovers',
  'fleet.telegram_chats',
  'fleet.telegram_links',
]
