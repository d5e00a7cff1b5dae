import { type Kysely, sql } from 'kysely'

/**
 * How a project's content is filed, `folders`, and whom a company works for: `clients` and their `orders`.
 *
 * Locks: SHARE ROW EXCLUSIVE on projects and companies for the foreign keys, briefly, and what `settle_table` takes on
 * tables that the platform has made.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createFolders(db)
  await createClients(db)
  await createOrders(db)
}

async function createFolders(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.folders (
      id          serial       PRIMARY KEY,
      project_id  integer      NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
      name        varchar(255) NOT NULL,
      description text,
      parent_id   integer      REFERENCES fleet.folders (id),
      folder_path varchar(500),
      is_active   varchar(50)  DEFAULT 'active',
      sort_order  integer      DEFAULT 0,
      created_at  timestamp    DEFAULT now(),
      updated_at  timestamp    DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_folders_project_id ON fleet.folders (project_id)`.execute(db)
  await sql`CREATE INDEX ix_folders_parent_id ON fleet.folders (parent_id)`.execute(db)
  await sql`
    CREATE TRIGGER update_folders_updated_at BEFORE UPDATE ON fleet.folders
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('folders')`.execute(db)
}

async function createClients(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.clients (
      id         serial        PRIMARY KEY,
      company_id integer       NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
      name       varchar(255)  NOT NULL,
      phone      varchar(50),
      email      varchar(255),
      address    varchar(500),
      notes      varchar(1000),
      is_active  varchar(50)   DEFAULT 'active',
      created_at timestamp     DEFAULT now(),
      updated_at timestamp     DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_clients_company_id ON fleet.clients (company_id)`.execute(db)
  await sql`
    CREATE TRIGGER update_clients_updated_at BEFORE UPDATE ON fleet.clients
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('clients')`.execute(db)
}

async function createOrders(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE fleet.orders (
      id               serial         PRIMARY KEY,
      company_id       integer        NOT NULL REFERENCES companies (id) ON DELETE CASCADE,
      client_id        integer        REFERENCES clients (id),
      order_number     varchar(100)   NOT NULL UNIQUE,
      content_type     varchar(100)   NOT NULL,
      status           varchar(50)    DEFAULT 'pending',
      payment_status   varchar(50)    DEFAULT 'unpaid',
      amount           numeric(10, 2) NOT NULL,
      currency         varchar(10)    DEFAULT 'USD',
      subscription_end timestamp,
      description      text,
      notes            text,
      created_at       timestamp      DEFAULT now(),
      updated_at       timestamp      DEFAULT now(),
      completed_at     timestamp
    )`.execute(db)
  await sql`CREATE INDEX ix_orders_company_id ON fleet.orders (company_id)`.execute(db)
  await sql`CREATE INDEX ix_orders_client_id ON fleet.orders (client_id)`.execute(db)
  await sql`CREATE INDEX ix_orders_status ON fleet.orders (status)`.execute(db)
  await sql`CREATE INDEX ix_orders_subscription_end ON fleet.orders (subscription_end)`.execute(db)
  await sql`CREATE INDEX ix_orders_created_at ON fleet.orders (created_at)`.execute(db)
  await sql`
    CREATE TRIGGER update_orders_updated_at BEFORE UPDATE ON fleet.orders
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
  await sql`SELECT fleet.settle_table('orders')`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`SELECT fleet.withdraw('table', 'orders')`.execute(db)
  await sql`SELECT fleet.withdraw('table', 'clients')`.execute(db)
  await sql`SELECT fleet.withdraw('table', 'folders')`.execute(db)
}

export const drops = ['folders', 'clients', 'orders']
