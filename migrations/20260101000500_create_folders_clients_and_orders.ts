import { type Kysely, sql } from 'kysely'

/**
 * How a project's content is filed, `folders`, and whom a company works for: `clients` and their `orders`.
 *
 * Locks: SHARE ROW EXCLUSIVE on projects and companies for the foreign keys, briefly.
 */
export async function up(db: Kysely<any>): Promise<void> {
  await createFolders(db)
  await createClients(db)
  await createOrders(db)
}

async function createFolders(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE folders (
      id          serial       PRIMARY KEY,
      project_id  integer      NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
      name        varchar(255) NOT NULL,
      description text,
      parent_id   integer      REFERENCES folders (id),
      folder_path varchar(500),
      is_active   varchar(50)  DEFAULT 'active',
      sort_order  integer      DEFAULT 0,
      created_at  timestamp    DEFAULT now(),
      updated_at  timestamp    DEFAULT now()
    )`.execute(db)
  await sql`CREATE INDEX ix_folders_project_id ON folders (project_id)`.execute(db)
  await sql`CREATE INDEX ix_folders_parent_id ON folders (parent_id)`.execute(db)
  await sql`
    CREATE TRIGGER update_folders_updated_at BEFORE UPDATE ON folders
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
}

async function createClients(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE clients (
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
  await sql`CREATE INDEX ix_clients_company_id ON clients (company_id)`.execute(db)
  await sql`
    CREATE TRIGGER update_clients_updated_at BEFORE UPDATE ON clients
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
}

async function createOrders(db: Kysely<any>): Promise<void> {
  await sql`
    CREATE TABLE orders (
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
  await sql`CREATE INDEX ix_orders_company_id ON orders (company_id)`.execute(db)
  await sql`CREATE INDEX ix_orders_client_id ON orders (client_id)`.execute(db)
  await sql`CREATE INDEX ix_orders_status ON orders (status)`.execute(db)
  await sql`CREATE INDEX ix_orders_subscription_end ON orders (subscription_end)`.execute(db)
  await sql`CREATE INDEX ix_orders_created_at ON orders (created_at)`.execute(db)
  await sql`
    CREATE TRIGGER update_orders_updated_at BEFORE UPDATE ON orders
      FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()`.execute(db)
}

export async function down(db: Kysely<any>): Promise<void> {
  await sql`DROP TABLE orders`.execute(db)
  await sql`DROP TABLE clients`.execute(db)
  await sql`DROP TABLE folders`.execute(db)
}

export const drops = ['folders', 'clients', 'orders']
