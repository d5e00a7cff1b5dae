import { type Kysely, sql } from 'kysely'

/**
 * What operators look at and act by, for the whole fleet. `fleet.workers` is the registry of worker processes; `fleet.outcome_counts` what
 * came of attempts, added up by the minute, so that rates cost nothing to read; `fleet.pauses` the queues that an operator has stopped.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // Each row changes every few seconds: room on its page keeps that cheap.
  await sql`
    CREATE TABLE fleet.workers (
      owner            varchar(300) PRIMARY KEY,
      name             varchar(50)  NOT NULL,
      host             varchar(200) NOT NULL,
      pid              integer      NOT NULL,
      version          varchar(50)  NOT NULL,
      node_version     varchar(50)  NOT NULL,
      environment      varchar(50),
      started_at       timestamptz  NOT NULL,
      heartbeat_at     timestamptz  NOT NULL DEFAULT now(),
      in_hand          integer      NOT NULL DEFAULT 0,
      connections      integer      NOT NULL,
      shutdown_seconds integer      NOT NULL,
      outage_since     timestamptz,
      outage_reason    text,
      blocked          text
    ) WITH (fillfactor = 25)`.execute(db)
  await sql`
    CREATE TABLE fleet.outcome_counts (
      minute      timestamptz NOT NULL,
      queue       varchar(20) NOT NULL,
      outcome     varchar(20) NOT NULL,
      error_class varchar(50) NOT NULL DEFAULT '',
      count       bigint      NOT NULL,
      PRIMARY KEY (minute, queue, outcome, error_class)
    ) WITH (fillfactor = 50)`.execute(db)
  await sql`
    CREATE TABLE fleet.pauses (
      queue     varchar(20)  PRIMARY KEY,
      since     timestamptz  NOT NULL DEFAULT now(),
      until     timestamptz,
      reason    text         NOT NULL,
      paused_by varchar(255) NOT NULL,
      CONSTRAINT ck_pauses_queue CHECK (queue IN ('email', 'notifications', 'telegram', 'sms'))
    )`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TABLE fleet.pauses, fleet.outcome_counts, fleet.workers`.execute(db)
}

export const drops = ['fleet.pauses', 'fleet.outcome_counts', 'fleet.workers']
