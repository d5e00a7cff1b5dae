import { type Kysely, sql } from 'kysely'

/**
 * What the administrator is told when something is wrong. `fleet.alerts` has a row for each incident, so that cooldowns hold for the whole
 * fleet and outlive any process; `fleet.alert_watch` says who looks, and who tells, one worker at a time; `fleet.alert_samples` what grows.
 *
 * Locks: none on existing tables.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.alerts (
      id          bigserial    PRIMARY KEY,
      kind        varchar(30)  NOT NULL,
      subject     varchar(200) NOT NULL,
      severity    varchar(10)  NOT NULL,
      noticed_at  timestamptz  NOT NULL,
      began_at    timestamptz,
      clear_since timestamptz,
      over_at     timestamptz,
      detail      jsonb        NOT NULL DEFAULT '{}',
      told        jsonb        NOT NULL DEFAULT '{}',
      CONSTRAINT ck_alerts_severity CHECK (severity IN ('critical', 'warning', 'info'))
    )`.execute(db)
  await sql`CREATE UNIQUE INDEX ux_alerts_open ON fleet.alerts (kind, subject) WHERE over_at IS NULL`.execute(db)
  await sql`CREATE INDEX ix_alerts_over_at ON fleet.alerts (over_at)`.execute(db)
  await sql`
    CREATE TABLE fleet.alert_watch (
      duty         varchar(20)  PRIMARY KEY,
      worker       varchar(300) NOT NULL,
      begun_at     timestamptz  NOT NULL,
      leased_until timestamptz  NOT NULL,
      CONSTRAINT ck_alert_watch_duty CHECK (duty IN ('look', 'email', 'telegram'))
    ) WITH (fillfactor = 25)`.execute(db)
  await sql`
    CREATE TABLE fleet.alert_samples (
      subject  varchar(200)     NOT NULL,
      taken_at timestamptz      NOT NULL,
      value    double precision NOT NULL,
      PRIMARY KEY (subject, taken_at)
    )`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TABLE fleet.alert_samples, fleet.alert_watch, fleet.alerts`.execute(db)
}

export const drops = ['fleet.alerts', 'fleet.alert_watch', 'fleet.alert_samples']
