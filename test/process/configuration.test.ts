import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createInstallation, type Installation } from '../support/installation.ts'
import { spawnWorker } from '../support/processes.ts'

let installation: Installation

beforeAll(async () => {
  installation = await createInstallation()
})
afterAll(() => installation.remove())

/** Runs the e-mail worker to its end. */
async function run(env: Record<string, string>) {
  const worker = spawnWorker({ directory: installation.directory, env })
  const exit = await worker.exit
  return { exit, stderr: await worker.stderr, logs: worker.logs, isReady: worker.isReady }
}

describe('a worker whose configuration is wrong', () => {
  it('exits with 78 where a real database has no SMTP_URL beside it', async () => {
    const { exit, stderr, logs } = await run({ DATABASE_URL: 'postgres://fleet:geheim@db.example:5432/fleet' })
    expect(exit).toEqual({ code: 78, signal: null })
    expect(stderr).toMatch(/^The configuration has a fault:\n {2}SMTP_URL: given nothing;/)
    expect(stderr).not.toContain('geheim')
    expect(logs).toEqual([])
  })

  it('names all faults at once, none of them with a secret', async () => {
    const { exit, stderr, isReady } = await run({
      DATABASE_URL: 'mysql://fleet:geheim@db.example/fleet',
      SMTP_URL: 'http://mailer:geheim@mail.example',
      EMAIL_CONCURRENCY: 'many',
      EMAIL_BACKOFF: '4h-2m',
      SHUTDOWN_SECONDS: '0',
    })
    expect(exit).toEqual({ code: 78, signal: null })
    expect(isReady).toBe(false)
    expect(stderr).toContain('The configuration has 5 faults:')
    for (const fault of ['DATABASE_URL: given', 'SMTP_URL: given', 'EMAIL_BACKOFF: given "4h-2m"']) {
      expect(stderr).toContain(`\n  ${fault}`)
    }
    expect(stderr).toMatch(/EMAIL_CONCURRENCY: given "many" .*\n.* expected a whole number/)
    expect(stderr).toMatch(/SHUTDOWN_SECONDS: given "0" .*\n.* expected a whole number from 1/)
    expect(stderr).not.toContain('geheim')
  })

  it('demands a database of its own', async () => {
    const { exit, stderr } = await run({ SMTP_URL: 'smtp://mail.example' })
    expect(exit).toEqual({ code: 78, signal: null })
    expect(stderr).toContain('DATABASE_URL: given nothing')
  })
})
