import { type Kysely, sql } from 'kysely'

/**
 * The two tables that the platform queues messages in: `email_queue` and `notifications`.
 *
 * Neither has an index that an outcome would have to update: each would turn the cheap (HOT) updates of a busy queue into dear
 * ones. What claiming needs comes with the fleet's own columns.
 *
 * Locks: SHARE ROW EXCLUSIVE on companies, projects and ar_content for the foreign keys, briefly, and what `settle_table` takes on
 * tables that the platform has made.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createEmailQueue(db)
  await createNotifications(db)
}

async function createEmailQueue(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.email_queue (
      id            serial       PRIMARY KEY,
      recipient_to  varchar(255) NOT NULL,
      recipient_cc  varchar(255),
      recipient_bcc varchar(255),
      subject       varchar(500) NOT NULL,
      body          text         NOT NULL,
      html          text,
      template_id   varchar(100),
      variables     jsonb        DEFAULT '{}',
      status        varchar(50)  DEFAULT 'pending',
      attempts      integer      DEFAULT 0,
      max_attempts  integer      DEFAULT 3,
      last_error    text,
      priority      integer      DEFAULT 5,
      scheduled_at  timestamp,
      created_at    timestamp    DEFAULT now(),
      updated_at    timestamp    DEFAULT now(),
      sent_at       timestamp
    )`.execute(db)
  await sql`
    CREATE TRIGGER update_email_queue_updated_at BEFORE UPDATE ON fleet.email_queue
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('email_queue')`.execute(db)
}

async function createNotifications(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.notifications (
      id                serial       PRIMARY KEY,
      company_id        integer      REFERENCES companies (id),
      project_id        integer      REFERENCES projects (id),
      ar_content_id     integer      REFERENCES ar_content (id),
      type              varchar(50)  NOT NULL,
      notification_type varchar(50),
      priority          varchar(50)  DEFAULT 'normal',
      subject           varchar(500),
      message           text,
      email_sent        boolean      DEFAULT false,
      email_sent_at     timestamp,
      email_error       text,
      telegram_sent     boolean      DEFAULT false,
      telegram_sent_at  timestamp,
      telegram_error    text,
      source            varchar(100),
      service_name      varchar(100),
      event_data        jsonb        DEFAULT '{}',
      group_id          varchar(100),
      status            varchar(50)  DEFAULT 'pending',
      processed_at      timestamp,
      created_at        timestamp    DEFAULT now(),
      read_at           timestamp
    )`.execute(db)
  await sql`CREATE INDEX ix_notifications_company_id ON fleet.notifications (company_id)`.execute(db)
  await sql`CREATE INDEX ix_notifications_project_id ON fleet.notifications (project_id)`.execute(db)
  await sql`CREATE INDEX ix_notifications_ar_content_id ON fleet.notifications (ar_content_id)`.execute(db)
  await sql`CREATE INDEX ix_notifications_created_at ON fleet.notifications (created_at)`.execute(db)
  await sql`SELECT fleet.settle_table('notifications')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('table', 'notifications')`.execute(db)
  await sql`SELECT fleet.withdraw('table', 'email_queue')`.execute(db)
}

export const drops = ['email_queue', 'notifications']
