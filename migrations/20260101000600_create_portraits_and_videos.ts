import { type Kysely, sql } from 'kysely'

/**
 * The pictures that a camera recognises, `portraits`, and the `videos` that then play.
 *
 * Locks: SHARE ROW EXCLUSIVE on companies, clients, folders, storage_connections and storage_folders for the foreign keys, briefly, and what `settle_table` takes on
 * tables that the platform has made.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createPortraits(db)
  await createVideos(db)
}

async function createPortraits(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.portraits (
      id                    serial       PRIMARY KEY,
      unique_id             uuid         NOT NULL UNIQUE DEFAULT uuid_generate_v4(),
      company_id            integer      NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
      client_id             integer      REFERENCES clients (id),
      folder_id             integer      REFERENCES folders (id),
      file_path             varchar(500) NOT NULL,
      public_url            varchar(500),
      image_path            varchar(500),
      image_url             varchar(500),
      thumbnail_path        varchar(500),
      status                varchar(50)  DEFAULT 'active',
      subscription_end      timestamp,
      lifecycle_status      varchar(50)  DEFAULT 'active',
      notified_7d           boolean      DEFAULT false,
      notified_24h          boolean      DEFAULT false,
      notified_expired      boolean      DEFAULT false,
      marker_path           varchar(500),
      marker_url            varchar(500),
      marker_status         varchar(50)  DEFAULT 'pending',
      storage_connection_id integer      REFERENCES storage_connections (id),
      storage_folder_id     integer      REFERENCES storage_folders (id),
      created_at            timestamptz  DEFAULT now(),
      updated_at            timestamptz  DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_portraits_company_id ON fleet.portraits (company_id)`.execute(db)
  await sql`CREATE INDEX ix_portraits_client_id ON fleet.portraits (client_id)`.execute(db)
  await sql`CREATE INDEX ix_portraits_folder_id ON fleet.portraits (folder_id)`.execute(db)
  await sql`CREATE INDEX ix_portraits_storage_connection_id ON fleet.portraits (storage_connection_id)`.execute(db)
  await sql`CREATE INDEX ix_portraits_storage_folder_id ON fleet.portraits (storage_folder_id)`.execute(db)
  await sql`CREATE INDEX ix_portraits_status ON fleet.portraits (status)`.execute(db)
  await sql`CREATE INDEX ix_portraits_subscription_end ON fleet.portraits (subscription_end)`.execute(db)
  await sql`
    CREATE TRIGGER update_portraits_updated_at BEFORE UPDATE ON fleet.portraits
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('portraits')`.execute(db)
}

async function createVideos(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.videos (
      id             serial       PRIMARY KEY,
      portrait_id    integer      NOT NULL REFERENCES portraits (id) ON DELETE CASCADE,
      file_path      varchar(500) NOT NULL,
      public_url     varchar(500),
      video_path     varchar(500),
      video_url      varchar(500),
      thumbnail_url  varchar(500),
      title          varchar(255),
      duration       numeric(10, 3),
      width          integer,
      height         integer,
      size_bytes     integer,
      mime_type      varchar(100),
      status         varchar(50)  DEFAULT 'active',
      is_active      boolean      DEFAULT true,
      schedule_start timestamp,
      schedule_end   timestamp,
      rotation_type  varchar(50),
      rotation_order integer      DEFAULT 0,
      created_at     timestamp    DEFAULT now(),
      updated_at     timestamp    DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_videos_portrait_id ON fleet.videos (portrait_id)`.execute(db)
  await sql`CREATE INDEX ix_videos_status ON fleet.videos (status)`.execute(db)
  await sql`
    CREATE TRIGGER update_videos_updated_at BEFORE UPDATE ON fleet.videos
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('videos')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('table', 'videos')`.execute(db)
  await sql`SELECT fleet.withdraw('table', 'portraits')`.execute(db)
}

export const drops = ['portraits', 'videos']
