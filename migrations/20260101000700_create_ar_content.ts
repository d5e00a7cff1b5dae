import { type Kysely, sql } from 'kysely'

/**
 * What visitors look at, `ar_content`, the plan by which its videos change, `video_rotation_schedules`, and each visit,
 * `ar_view_sessions`.
 *
 * Locks: SHARE ROW EXCLUSIVE on projects, companies and videos for the foreign keys, briefly, and what `settle_table` takes on
 * tables that the platform has made.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createArContent(db)
  await createVideoRotationSchedules(db)
  await createArViewSessions(db)
}

async function createArContent(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.ar_content (
      id                     serial       PRIMARY KEY,
      project_id             integer      NOT NULL REFERENCES projects (id),
      company_id             integer      NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
      unique_id              uuid         NOT NULL UNIQUE DEFAULT uuid_generate_v4(),
      title                  varchar(255) NOT NULL,
      description            text,
      client_name            varchar(255),
      client_phone           varchar(50),
      client_email           varchar(255),
      image_path             varchar(500) NOT NULL,
      image_url              varchar(500),
      thumbnail_url          varchar(500),
      marker_path            varchar(500),
      marker_url             varchar(500),
      marker_status          varchar(50)  DEFAULT 'pending',
      marker_generated_at    timestamp,
      active_video_id        integer      REFERENCES videos (id),
      video_rotation_enabled boolean      DEFAULT false,
      video_rotation_type    varchar(50),
      is_active              boolean      DEFAULT true,
      published_at           timestamp,
      expires_at             timestamp,
      qr_code_path           varchar(500),
      qr_code_url            varchar(500),
      views_count            integer      DEFAULT 0,
      last_viewed_at         timestamp,
      metadata               jsonb        DEFAULT '{}',
      created_at             timestamp    DEFAULT now(),
      updated_at             timestamp    DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_ar_content_project_id ON fleet.ar_content (project_id)`.execute(db)
  await sql`CREATE INDEX ix_ar_content_company_id ON fleet.ar_content (company_id)`.execute(db)
  await sql`CREATE INDEX ix_ar_content_active_video_id ON fleet.ar_content (active_video_id)`.execute(db)
  await sql`CREATE INDEX ix_ar_content_created_at ON fleet.ar_content (created_at)`.execute(db)
  await sql`
    CREATE TRIGGER update_ar_content_updated_at BEFORE UPDATE ON fleet.ar_content
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('ar_content')`.execute(db)
}

async function createVideoRotationSchedules(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.video_rotation_schedules (
      id               serial       PRIMARY KEY,
      ar_content_id    integer      NOT NULL REFERENCES ar_content (id) ON DELETE CASCADE,
      rotation_type    varchar(50)  NOT NULL,
      time_of_day      time,
      day_of_week      integer,
      day_of_month     integer,
      cron_expression  varchar(100),
      video_sequence   integer[],
      current_index    integer      DEFAULT 0,
      is_active        integer      DEFAULT 1,
      last_rotation_at timestamp,
      next_rotation_at timestamp,
      created_at       timestamp    DEFAULT now()
    )`.execute(db)
  await sql`
    CREATE INDEX ix_video_rotation_schedules_ar_content_id ON fleet.video_rotation_schedules (ar_content_id)`.execute(
    db,
  )
  await sql`
    CREATE INDEX ix_video_rotation_schedules_next_rotation_at ON fleet.video_rotation_schedules (next_rotation_at)`.execute(
    db,
  )
  await sql`SELECT fleet.settle_table('video_rotation_schedules')`.execute(db)
}

async function createArViewSessions(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.ar_view_sessions (
      id               serial       PRIMARY KEY,
      ar_content_id    integer      NOT NULL REFERENCES ar_content (id) ON DELETE CASCADE,
      project_id       integer      NOT NULL REFERENCES projects (id),
      company_id       integer      NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
      session_id       uuid         DEFAULT uuid_generate_v4(),
      user_agent       text,
      device_type      varchar(50),
      browser          varchar(100),
      os               varchar(100),
      ip_address       varchar(64),
      country          varchar(100),
      city             varchar(100),
      duration_seconds integer,
      tracking_quality varchar(50),
      video_played     boolean      DEFAULT false,
      created_at       timestamp    DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_ar_view_sessions_ar_content_id ON fleet.ar_view_sessions (ar_content_id)`.execute(db)
  await sql`CREATE INDEX ix_ar_view_sessions_project_id ON fleet.ar_view_sessions (project_id)`.execute(db)
  await sql`CREATE INDEX ix_ar_view_sessions_company_id ON fleet.ar_view_sessions (company_id)`.execute(db)
  await sql`CREATE INDEX ix_ar_view_sessions_created_at ON fleet.ar_view_sessions (created_at)`.execute(db)
  await sql`SELECT fleet.settle_table('ar_view_sessions')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('table', 'ar_view_sessions')`.execute(db)
  await sql`SELECT fleet.withdraw('table', 'video_rotation_schedules')`.execute(db)
  await sql`SELECT fleet.withdraw('table', 'ar_content')`.execute(db)
}

export const drops = ['ar_content', 'video_rotation_schedules', 'ar_view_sessions']
