import pg from 'pg'

const login = { name: 'fleet_test_worker', password: 'works' }

/** Makes the user that workers log in as, as a DBA would: a member of `fleet_worker` and nothing else. */
export async function createWorkerLogin(adminUrl: string): Promise<void> {
  const admin = new pg.Client(adminUrl)
  await admin.connect()
  try {
    await admin.query(`
      DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fleet_worker') THEN
          CREATE ROLE fleet_worker NOLOGIN;
        END IF;
        CREATE ROLE ${login.name} LOGIN PASSWORD '${login.password}' IN ROLE fleet_worker;
      END $$`)
  } finally {
    await admin.end()
  }
}

/** The same database as that user. */
export function workerUrl(databaseUrl: string): string {
  const url = new URL(databaseUrl)
  url.username = login.name
  url.password = login.password
  return url.href
}
