import pg from 'pg'
import { expect, test } from 'vitest'
import { isUnreachable } from '../../src/db/pool.ts'

function withCode(code: string, message = 'failed'): Error {
  return Object.assign(new Error(message), { code })
}

test.each([
  ['a refused connection', withCode('ECONNREFUSED')],
  ['a reset connection', withCode('ECONNRESET')],
  ['an unknown host', withCode('ENOTFOUND')],
  ['a name server out of reach', withCode('EAI_AGAIN')],
  ['a timeout', withCode('ETIMEDOUT')],
  ['a network out of reach', withCode('ENETUNREACH')],
  ['a missing socket file', Object.assign(withCode('ENOENT'), { syscall: 'connect' })],
  ['a server that shuts down', withCode('57P01')],
  ['a server that crashed', withCode('57P02')],
  ['a server that starts up', withCode('57P03')],
  ['a server without a free connection', withCode('53300')],
  ['a connection failure', withCode('08006')],
  ['a lost connection', new Error('Connection terminated unexpectedly')],
  ['a connection that takes too long', new Error('Connection terminated due to connection timeout')],
  ['a pool that waits too long', new Error('timeout exceeded when trying to connect')],
  ['a host with two addresses, both refused', new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')])],
  ['an error caused by one of these', new Error('cannot claim', { cause: withCode('57P01') })],
])('%s says that the database is out of reach', (_name, error) => {
  expect(isUnreachable(error)).toBe(true)
})

test.each([
  ['a wrong password', withCode('28P01')],
  ['a missing database', withCode('3D000')],
  ['a cancelled statement', withCode('57014')],
  ['a missing table', withCode('42P01')],
  ['a deadlock', withCode('40P01')],
  ['a missing file', Object.assign(withCode('ENOENT'), { syscall: 'open' })],
  ['a fault in the program', new TypeError('x is not a function')],
  ['what is not an error', 'ECONNREFUSED'],
  ['nothing', undefined],
])('%s does not', (_name, error) => {
  expect(isUnreachable(error)).toBe(false)
})

test('the errors of real attempts are told apart', async () => {
  const attempt = (url: string) => new pg.Client(url).connect().catch((error: unknown) => error)
  expect(isUnreachable(await attempt('postgres://nobody@127.0.0.1:1/none'))).toBe(true)
  expect(isUnreachable(await attempt('postgres://nobody@%2Fnowhere/none'))).toBe(true)
})
