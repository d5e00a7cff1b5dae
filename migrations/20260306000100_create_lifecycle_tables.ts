import { type Kysely, sql } from 'kysely'

/**
 * What the sweep of subscriptions works by and writes down. `fleet.subscription_stages` says when somebody is told what;
 * `fleet.notices` has each decision, once for each end of an entity and stage; `fleet.lifecycle_acts` what the fleet itself has changed
 * and would undo; `fleet.sweeps` each pass. `expiring_portraits` is for portraits what the specification's `expiring_subscriptions` is for
 * projects.
 *
 * Locks: ACCESS EXCLUSIVE on companies, briefly: a nullable column, no rewrite.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`ALTER TABLE companies ADD COLUMN locale varchar(10)`.execute(db)
  await createStages(db)
  await createLedger(db)
  await createRecords(db)
  await createPortraitsView(db)
  await createWarning(db)
}

async function createStages(db: Kysely<any>): Promise<void> {
  // The three of the specification have a flag each, and their moment is the specification's: views and indexes know it. Months have no
  // fixed length.
  await sql`
    CREATE TABLE fleet.subscription_stages (
      name     varchar(50)  PRIMARY KEY,
      before   interval     NOT NULL,
      template varchar(100) NOT NULL,
      channels text[]       NOT NULL DEFAULT '{email,telegram}',
      urgency  varchar(20)  NOT NULL DEFAULT 'normal',
      CONSTRAINT ck_subscription_stages_name CHECK (name ~ '^[a-z0-9_]+$'),
      CONSTRAINT ck_subscription_stages_before CHECK (
        date_part('year', before) = 0 AND date_part('month', before) = 0
        AND before BETWEEN interval '-3650 days' AND interval '3650 days'
        AND CASE name WHEN '7d' THEN before = interval '7 days' WHEN '24h' THEN before = interval '24 hours'
                      WHEN 'expired' THEN before = interval '0' WHEN 'suspended' THEN before <= interval '0' ELSE true END),
      CONSTRAINT ck_subscription_stages_channels CHECK (
        channels <@ '{email,telegram,sms,system}' AND cardinality(channels) > 0 AND array_position(channels, NULL) IS NULL),
      CONSTRAINT ck_subscription_stages_urgency CHECK (urgency IN ('urgent', 'high', 'normal', 'low'))
    )`.execute(db)
  await sql`
    INSERT INTO fleet.subscription_stages (name, before, template) VALUES
      ('7d', '7 days', 'subscription_expiring_7d'),
      ('24h', '24 hours', 'subscription_expiring_24h'),
      ('expired', '0', 'subscription_expired'),
      ('suspended', '-14 days', 'subscription_suspended')`.execute(db)
}

async function createLedger(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.notices (
      id               bigserial   PRIMARY KEY,
      entity_type      varchar(20) NOT NULL,
      entity_id        integer     NOT NULL,
      stage            varchar(50) NOT NULL,
      subscription_end timestamp   NOT NULL,
      company_id       integer,
      decided_at       timestamptz NOT NULL DEFAULT now(),
      outcome          varchar(20) NOT NULL,
      reason           varchar(50),
      superseded_by    varchar(50),
      channels         text[]      NOT NULL DEFAULT '{}',
      CONSTRAINT ck_notices_entity_type CHECK (entity_type IN ('projects', 'portraits', 'orders', 'companies')),
      CONSTRAINT ck_notices_outcome CHECK (outcome IN ('sent', 'superseded', 'skipped', 'recorded', 'withdrawn')),
      CONSTRAINT ux_notices_entity_stage_end UNIQUE (entity_type, entity_id, stage, subscription_end)
    )`.execute(db)
  await sql`CREATE INDEX ix_notices_skipped ON fleet.notices (decided_at) WHERE outcome = 'skipped'`.execute(db)
}

async function createRecords(db: Kysely<any>): Promise<void> {
  // One standing act for each field: what it was before the fleet's first change, and what the last one made of it.
  await sql`
    CREATE TABLE fleet.lifecycle_acts (
      entity_type  varchar(20) NOT NULL,
      entity_id    integer     NOT NULL,
      field        varchar(50) NOT NULL,
      before_value text,
      after_value  text        NOT NULL,
      subject_type varchar(20) NOT NULL,
      subject_id   integer     NOT NULL,
      acted_at     timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (entity_type, entity_id, field)
    )`.execute(db)
  await sql`CREATE INDEX ix_lifecycle_acts_subject ON fleet.lifecycle_acts (subject_type, subject_id)`.execute(db)
  await sql`
    CREATE TABLE fleet.sweeps (
      id         bigserial    PRIMARY KEY,
      started_at timestamptz  NOT NULL DEFAULT now(),
      ended_at   timestamptz,
      worker     varchar(200) NOT NULL,
      kind       varchar(20)  NOT NULL,
      outcome    varchar(20),
      counts     jsonb        NOT NULL DEFAULT '{}',
      CONSTRAINT ck_sweeps_kind CHECK (kind IN ('sweep', 'baseline')),
      CONSTRAINT ck_sweeps_outcome CHECK (outcome IN ('done', 'blocked', 'interrupted'))
    )`.execute(db)
}

async function createPortraitsView(db: Kysely<any>): Promise<void> {
  // A portrait has no name: its file has.
  await sql`
    CREATE VIEW fleet.expiring_portraits AS
    SELECT 'portraits' AS entity_type,
           p.id AS entity_id,
           regexp_replace(p.file_path, '^.*/', '')::varchar(255) AS entity_name,
           p.subscription_end,
           c.name AS company_name,
           CASE
             WHEN p.subscription_end <= fleet.utc_now() THEN 'expired'
             WHEN p.subscription_end <= fleet.utc_now() + interval '24 hours' THEN 'expires_today'
             WHEN p.subscription_end <= fleet.utc_now() + interval '7 days' THEN 'expires_soon'
             ELSE 'active'
           END AS urgency
      FROM portraits p
      JOIN companies c ON p.company_id = c.id
     WHERE p.subscription_end IS NOT NULL
       AND p.subscription_end <= fleet.utc_now() + interval '7 days'
       AND p.status = 'active'
       AND c.is_active = true`.execute(db)
  await sql`SELECT fleet.settle_view('expiring_portraits')`.execute(db)
}

async function createWarning(db: Kysely<any>): Promise<void> {
  // For an index: whatever a program writes into the two columns, it must not fail.
  await sql`
    CREATE FUNCTION fleet.warn_at(subscription_end timestamp, days integer) RETURNS timestamp
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
      SELECT CASE WHEN $1 > timestamp '0001-01-01' THEN $1 - make_interval(days => greatest(0, least(3650, coalesce($2, 7)))) ELSE $1 END
    $$`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP FUNCTION fleet.warn_at(timestamp, integer)`.execute(db)
  await sql`SELECT fleet.withdraw('view', 'expiring_portraits')`.execute(db)
  await sql`DROP TABLE fleet.sweeps, fleet.lifecycle_acts, fleet.notices, fleet.subscription_stages`.execute(db)
  await sql`ALTER TABLE companies DROP COLUMN locale`.execute(db)
}

export const drops = ['fleet.notices', 'fleet.lifecycle_acts', 'fleet.sweeps']
