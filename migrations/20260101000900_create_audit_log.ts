import { type Kysely, sql } from 'kysely'

/**
 * Who changed what, `audit_log`.
 *
 * Locks: SHARE ROW EXCLUSIVE on users for the foreign key, briefly, and what `settle_table` takes on
 * tables that the platform has made.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.audit_log (
      id          serial       PRIMARY KEY,
      entity_type varchar(100) NOT NULL,
      entity_id   integer      NOT NULL,
      action      varchar(100) NOT NULL,
      changes     jsonb        DEFAULT '{}',
      field_name  varchar(100),
      actor_id    integer      REFERENCES users (id),
      actor_email varchar(255),
      actor_ip    varchar(64),
      user_agent  text,
      session_id  varchar(255),
      request_id  varchar(255),
      created_at  timestamp    NOT NULL DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_audit_log_actor_id ON fleet.audit_log (actor_id)`.execute(db)
  await sql`CREATE INDEX ix_audit_log_entity ON fleet.audit_log (entity_type, entity_id)`.execute(db)
  await sql`CREATE INDEX ix_audit_log_created_at ON fleet.audit_log (created_at)`.execute(db)
  await sql`SELECT fleet.settle_table('audit_log')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('table', 'audit_log')`.execute(db)
}

export const drops = ['audit_log']
