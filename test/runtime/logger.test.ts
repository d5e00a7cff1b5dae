import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'

const loggerModule = JSON.stringify(resolve(import.meta.dirname, '../../src/runtime/logger.ts'))

/** Runs a script with a logger `log` in a process of its own. */
function scriptArguments(script: string, level = 'info'): string[] {
  const prelude = `import { createLogger } from ${loggerModule}\nconst log = createLogger({ level: '${level}', name: 'email' })\n`
  return ['--input-type=module-typescript', '--eval', prelude + script]
}

function runAndRead(
  script: string,
  level?: string,
): { output: string; entries: Record<string, unknown>[]; pid: number } {
  const { stdout, stderr, pid } = spawnSync(process.execPath, scriptArguments(script, level), { encoding: 'utf8' })
  expect(stderr).toBe('')
  const lines = stdout.split('\n').filter((line) => line !== '')
  return { output: stdout, entries: lines.map((line) => JSON.parse(line)), pid }
}

describe('a line of the log', () => {
  test('has the level as a word, the time in ISO 8601 UTC, and who wrote it', () => {
    const before = Date.now()
    const { entries, pid } = runAndRead(
      `log.child({ module: 'drain' }).warn({ emailId: 7, durationMs: 1.5 }, 'email sent')`,
    )
    expect(entries).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        pid,
        hostname: hostname(),
        name: 'email',
        module: 'drain',
        emailId: 7,
        durationMs: 1.5,
        msg: 'email sent',
      },
    ])
    expect(Date.parse(String(entries[0]?.time))).toBeGreaterThanOrEqual(before)
  })

  test('is left out below the level, and always when the level is silent', () => {
    expect(runAndRead(`log.info('a'); log.warn('b')`, 'warn').entries.map(({ msg }) => msg)).toEqual(['b'])
    expect(runAndRead(`log.fatal('a')`, 'silent').output).toBe('')
  })

  test('keeps the code and the cause of an error', () => {
    const { entries } = runAndRead(`
      const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', port: 25, address: '127.0.0.1' })
      class OutageError extends Error { code = 'EMAIL_OUTAGE' }
      log.error({ err: new OutageError('no server', { cause }) }, 'cannot send')
      log.error(new AggregateError([cause], 'all failed'))
      log.error({ results: [{ reason: cause }], error: cause })
    `)
    const refused = {
      type: 'Error',
      message: 'connect ECONNREFUSED',
      code: 'ECONNREFUSED',
      port: 25,
      address: '127.0.0.1',
    }
    expect(entries[0]).toMatchObject({
      msg: 'cannot send',
      err: {
        type: 'OutageError',
        message: 'no server',
        code: 'EMAIL_OUTAGE',
        stack: expect.stringContaining('at '),
        cause: refused,
      },
    })
    expect(entries[1]).toMatchObject({ msg: 'all failed', err: { type: 'AggregateError', errors: [refused] } })
    expect(entries[2]).toMatchObject({ results: [{ reason: refused }], error: refused })
  })

  test('ends somewhere even for endless causes and objects', () => {
    const { entries } = runAndRead(`
      const err = new Error('round')
      err.cause = err
      const circle = { emailId: 1 }
      circle.self = circle
      log.error({ err, circle }, 'x'.repeat(10))
    `)
    expect(entries).toMatchObject([{ err: { message: 'round' }, circle: { emailId: 1 }, msg: 'xxxxxxxxxx' }])
  })
})

describe('a secret', () => {
  test('is not in the log, wherever it is passed', () => {
    const { output, entries } = runAndRead(`
      const secret = 'hunter2'
      log.info({ password: secret, smtpUrl: secret, DATABASE_URL: secret, 'set-cookie': secret, html: secret, body: secret }, 'top')
      log.info({ config: { email: { smtp_url: secret }, telegram: { botToken: secret }, list: [{ token: secret }] } }, 'deep')
      log.child({ authorization: secret, module: 'child' }).info('bound')
      log.info('connecting to smtp://user:' + secret + '@mail.example.org:25')
      log.info({ url: 'postgres://user:' + secret + '@db/x', next: 'http://example.org/path?to=a@b.ru' }, 'in texts')
      log.error(new Error('POST https://api.telegram.org/bot123456:' + secret + '/sendMessage failed'))
      log.error({ err: Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input: secret }) })
      log.error({ err: new Error('outer', { cause: Object.assign(new Error('duplicate'), { detail: secret }) }) })
      log.error({ err: new Error('outer', { cause: { secret } }) })
      log.info({ key: '-----BEGIN RSA PRIVATE KEY-----\\n' + secret + '\\n-----END RSA PRIVATE KEY-----' }, 'key')
      log.info({ one: { two: { three: { four: { five: { six: { seven: { password: secret } } } } } } } }, 'very deep')
    `)
    expect(output).not.toContain('hunter2')
    expect(entries).toHaveLength(11)
    expect(entries[0]).toMatchObject({ password: '[redacted]', 'set-cookie': '[redacted]' })
    expect(entries[1]).toMatchObject({ config: { email: { smtp_url: '[redacted]' }, list: [{ token: '[redacted]' }] } })
    expect(entries[2]).toMatchObject({ authorization: '[redacted]', module: 'child' })
    expect(entries[3]).toMatchObject({ msg: 'connecting to smtp://***@mail.example.org:25' })
    expect(entries[4]).toMatchObject({ url: 'postgres://***@db/x', next: 'http://example.org/path?to=a@b.ru' })
  })

  test('stays in the object that was logged', () => {
    const { output } = runAndRead(`
      const config = { email: { password: 'hunter2' } }
      log.info({ config }, 'configuration')
      process.stdout.write(JSON.stringify(config) + '\\n')
    `)
    expect(output.split('\n')[1]).toBe('{"email":{"password":"hunter2"}}')
  })
})

describe('when the process ends', () => {
  test('by its own exit, no line is lost', () => {
    const { entries } = runAndRead(`for (let i = 0; i < 5000; i++) log.info({ i }, 'line'); process.exit(0)`)
    expect(entries.map(({ i }) => i)).toEqual(Array.from({ length: 5_000 }, (_, index) => index))
  })

  test('by SIGKILL, all lines before it are there', async () => {
    const child = spawn(
      process.execPath,
      scriptArguments(`for (let i = 0; i < 1000; i++) log.info({ i }, 'line'); process.kill(process.pid, 'SIGKILL')`),
    )
    const lines: string[] = []
    createInterface(child.stdout).on('line', (line) => lines.push(line))
    const [, signal] = await once(child, 'close')
    expect(signal).toBe('SIGKILL')
    expect(lines).toHaveLength(1_000)
  })

  test('nobody reading its output does not end it', async () => {
    const script = `process.once('message', () => { log.info('nobody hears'); log.info('this'); process.send('alive'); process.disconnect() })`
    const child = spawn(process.execPath, scriptArguments(script), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    child.stdout?.destroy()
    child.send('log now')
    const [answer] = await once(child, 'message')
    expect(answer).toBe('alive')
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
    expect(code).toBe(0)
  })
})
