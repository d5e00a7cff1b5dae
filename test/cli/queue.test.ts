import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createFleet, type Fleet } from './fleet.ts'

let database: TestDatabase
let fleet: Fleet
beforeAll(async () => {
  database = await createTestDatabase()
  fleet = await createFleet({ DATABASE_URL: database.workerUrl })
})
afterAll(async () => {
  await fleet.installation.remove()
  await database.drop()
})

it('pauses a queue, says so, and lets it go on', async () => {
  const paused = await fleet.run(['queue', 'pause', 'email', '--reason', 'wrong template', '--until', '2h'])
  expect(paused).toMatchObject({ code: 0, stderr: '' })
  expect(paused.stdout).toMatch(
    /^Paused email, until .* \(in (2 h|119 min)\)\. Let it go on with: fleet queue resume email\n$/,
  )
  const { stdout } = await fleet.run(['queue', 'status'])
  expect(stdout).toMatch(/^email +paused +0 +0 +0 +0$/m)
  expect(stdout).toMatch(/^sms +goes on/m)
  expect(stdout).toMatch(/^email: paused by ann@\S+ since .*, until .*: wrong template$/m)
  expect(await fleet.json(['queue', 'resume', 'email'])).toMatchObject({
    code: 0,
    document: { action: 'resume', queue: 'email', ended: { reason: 'wrong template' } },
  })
  expect((await fleet.run(['queue', 'resume', 'email'])).stdout).toBe('email was not paused.\n')
})

it('says which other thing keeps a queue: notifications altogether, a blocked worker, an outage, its channel', async () => {
  await fleet.run(['queue', 'pause', 'notifications', '--reason', 'moving'])
  await database.pool.query(`
    INSERT INTO fleet.workers (owner, name, host, pid, version, node_version, started_at, connections, shutdown_seconds, outage_since, outage_reason, blocked)
    VALUES ('email@a:1', 'email', 'a', 1, '0', '0', now(), 5, 15, now(), '421 later', 'a copy');
    UPDATE fleet.channels SET paused_until = now() + interval '1 hour', reason = '429 Too Many Requests' WHERE name = 'telegram'`)
  const { stdout } = await fleet.run(['queue', 'status'])
  expect(stdout).toMatch(/^email +blocked/m)
  expect(stdout).toMatch(/^system +paused/m)
  expect(stdout).toMatch(/^email: email@a:1 sends nothing: a copy$/m)
  expect(stdout).toMatch(/^email: outage at email@a:1 since .*: 421 later$/m)
  expect(stdout).toMatch(/^telegram: its channel takes nothing until .*: 429 Too Many Requests$/m)
})

it.each([
  [['queue', 'pause', 'email'], /required option/],
  [['queue', 'pause', 'mail', '--reason', 'x'], /Expected email, notifications, telegram or sms/],
  [['queue', 'pause', 'email', '--reason', 'x', '--until', '2020-01-01'], /--until is past/],
  [['adopt-database'], /without a terminal nobody can be asked/],
  [['adopt-database', '--yes', '--held-since', '2999-01-01'], /in the future/],
])('%j is wrong usage', async (args, reason) => {
  const { code, stderr } = await fleet.run(args)
  expect(code).toBe(2)
  expect(stderr).toMatch(reason)
})

it('adopts a database under another name', async () => {
  const env = { FLEET_ENVIRONMENT: 'staging' }
  expect((await fleet.run(['adopt-database', '--yes'])).stdout).toBe('Stamped the database as without a name.\n')
  expect((await fleet.run(['adopt-database', '--dry-run'], { env })).stdout).toBe(
    'The database is not what it is stamped as:\n' +
      '- it is stamped as without a name, and FLEET_ENVIRONMENT here is staging\nWould stamp the database as staging.\n',
  )
  const { code, stdout, stderr } = await fleet.run(['adopt-database', '--yes'], { env })
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'Stamped the database as staging.\n' })
  expect(stderr).toMatch(/is not what it is stamped as/)
  expect(await fleet.json(['adopt-database', '--dry-run'], { env })).toMatchObject({ document: { differences: [] } })
})
