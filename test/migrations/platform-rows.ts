import type pg from 'pg'

/** Tables of the platform in an order in which rows can be inserted, each with an INSERT that refers to row 1 of those before it. */
const inserts = {
  users: `(email, hashed_password, full_name) VALUES ('anna@example.com', 'x', 'Anna')`,
  storage_connections: `(name, provider, created_by) VALUES ('disk', 'local_disk', 1)`,
  companies: `(name, slug, storage_connection_id, created_by) VALUES ('Acme', 'acme', 1, 1)`,
  storage_folders: `(company_id, name, path) VALUES (1, 'files', '/files')`,
  projects: `(company_id, name, slug) VALUES (1, 'Spring', 'spring')`,
  folders: `(project_id, name, parent_id) VALUES (1, 'root', 1)`,
  clients: `(company_id, name) VALUES (1, 'Boris')`,
  orders: `(company_id, client_id, order_number, content_type, amount) VALUES (1, 1, 'A-1', 'portrait', 10)`,
  portraits: `(company_id, client_id, folder_id, storage_connection_id, storage_folder_id, file_path) VALUES (1, 1, 1, 1, 1, '/p')`,
  videos: `(portrait_id, file_path) VALUES (1, '/v')`,
  ar_content: `(project_id, company_id, title, image_path, active_video_id) VALUES (1, 1, 'Hall', '/i', 1)`,
  video_rotation_schedules: `(ar_content_id, rotation_type) VALUES (1, 'daily')`,
  ar_view_sessions: `(ar_content_id, project_id, company_id) VALUES (1, 1, 1)`,
  email_queue: `(recipient_to, subject, body) VALUES ('boris@example.com', 'Hello', 'Hello, Boris')`,
  notifications: `(company_id, project_id, ar_content_id, type) VALUES (1, 1, 1, 'system')`,
  audit_log: `(entity_type, entity_id, action, actor_id) VALUES ('company', 1, 'create', 1)`,
}

/** One row in every table, each with id 1, over whatever is there. The default data goes first. */
export async function insertOneRowEach(client: pg.Pool | pg.ClientBase): Promise<void> {
  await client.query(`TRUNCATE ${Object.keys(inserts).join(', ')} RESTART IDENTITY`)
  for (const [table, insert] of Object.entries(inserts)) await client.query(`INSERT INTO ${table} ${insert}`)
}
