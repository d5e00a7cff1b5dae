import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await createFleet()
})
afterAll(() => fleet.installation.remove())

describe('wrong usage', () => {
  it('ends with 2, and tells it on standard error', async () => {
    expect(await fleet.run(['emial', 'list'])).toEqual({
      code: 2,
      stdout: '',
      stderr: "error: unknown command 'emial'\nhint: Did you mean email? Or see fleet --help\n",
    })
  })

  it('is one JSON document on standard output with --json, wherever that stands', async () => {
    const error = {
      code: 'USAGE',
      message: "unknown option '--limt'",
      hint: 'Did you mean --limit? Or see fleet email list --help',
    }
    const before = await fleet.run(['--json', 'email', 'list', '--limt', '5'])
    const after = await fleet.run(['email', 'list', '--limt', '5', '--json'])
    expect(before).toMatchObject({ code: 2, stderr: '' })
    expect(JSON.parse(before.stdout)).toEqual({ error })
    expect(after).toEqual(before)
  })

  it.each([[[]], [['email']]])('without a command (%j) shows which there are', async (args) => {
    const { code, stdout, stderr } = await fleet.run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/Commands:[\s\S]*error: say which command/)
  })

  it('of a change that would have to ask is found before the database is looked for', async () => {
    const changes = [
      ['email', 'cancel', '--id', '1', '--template', 't'],
      ['migrate', 'down'],
    ]
    for (const { code, stderr } of await Promise.all(changes.map((args) => fleet.run(args)))) {
      expect(code).toBe(2)
      expect(stderr).toMatch(/without a terminal nobody can be asked\nhint: give --yes/)
    }
  })

  it('is a replay or a cancel that says nothing of which', async () => {
    expect(await fleet.run(['email', 'replay', '--limit', '5', '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('say which mails to replay'),
    })
  })
})

describe('a wrong value', () => {
  const times = 'expected a time such as'
  it.each([
    [['email', 'list', '--id', '0'], '--id', 'a whole number from 1 to 2147483647'],
    [['email', 'list', '--id', '1,,2'], '--id', 'a whole number from 1'],
    [['email', 'list', '--id', '2147483648'], '--id', 'a whole number from 1'],
    [
      ['email', 'list', '--status', 'pending,done'],
      '--status',
      'pending, sending, sent, failed, cancelled, expired or held',
    ],
    [['email', 'replay', '--status', 'done'], '--status', 'failed, held, cancelled, expired or sent'],
    [['email', 'replay', '--status', 'sent'], '--include-sent', 'is sent again with'],
    [['email', 'cancel', '--status', 'failed'], '--status', 'pending, sending or held'],
    [['email', 'list', '--since', 'yesterday'], '--since', times],
    [['email', 'list', '--since', '2026-02-30'], '--since', times],
    [['email', 'list', '--until', '2'], '--until', times],
    [['email', 'list', '--to', 'example.org'], '--to', 'name@example.org or @example.org'],
    [['email', 'list', '--to', 'a@example.org', '--to', 'b@example.org'], '--to', 'only once'],
    [['email', 'list', '--template', ' '], '--template', 'some text'],
    [['email', 'list', '--priority', '11'], '--priority', 'a whole number from 1 to 10'],
    [['email', 'list', '--limit', '-1'], '--limit', 'a whole number from 1'],
    [['email', 'list', '--limit', '1.5'], '--limit', 'a whole number from 1'],
    [['email', 'list', 'extra'], 'too many arguments', ''],
    [['email', 'show', 'x'], 'id', 'a whole number from 1'],
    [['email', 'show'], "missing required argument 'id'", ''],
    [['email', 'send', '--subject', 'x'], '--to', 'not specified'],
    [['email', 'send', '--to', 'a@example.org', '--subject', 'x'.repeat(501)], '--subject', 'at most 500 characters'],
    [['email', 'send', '--to', 'a@example.org', '--at', 'soon'], '--at', times],
    [['email', 'send', '--to', 'a@example.org', '--priority', '0'], '--priority', 'a whole number from 1 to 10'],
    [['email', 'send', '--to', 'a@example.org', '--dedup-key', ''], '--dedup-key', 'some text'],
  ])('%j is refused with the name of the option and what is expected', async (args, option, expected) => {
    const parsing = createProgram()
      .configureOutput({ writeErr: () => {} })
      .parseAsync(args, { from: 'user' })
    await expect(parsing).rejects.toThrow(option)
    await expect(parsing).rejects.toThrow(new RegExp(expected, 'i'))
  })
})
