import { describe, expect, it } from 'vitest'
import { judgeSilence } from '../../../src/notifications/channels/sms/exchange-policy.ts'
import { judgeGateway } from '../../../src/notifications/channels/sms/gateway-policy.ts'
import { replyText } from '../../../src/notifications/channels/sms/reply-text.ts'
import { retryAfterMs } from '../../../src/notifications/channels/sms/retry-after.ts'
import { judgeTwilio } from '../../../src/notifications/channels/sms/twilio-policy.ts'
import type { HttpAnswer } from '../../../src/runtime/http-exchange.ts'

const now = new Date('2026-03-04T12:00:00Z')
const stopped = { code: 'ESTOPPED', message: 'Stopped by the worker' }
const timedOut = { code: 'ETIMEDOUT', message: 'It took too long to answer' }

function answer(status: number, more: Partial<HttpAnswer> = {}): HttpAnswer {
  return { kind: 'answered', status, headers: {}, body: '', ...more }
}

describe('Retry-After', () => {
  it.each([
    [undefined, 1_000],
    ['', 1_000],
    ['soon', 1_000],
    ['0', 1_000],
    ['7', 7_000],
    [' 120 ', 120_000],
    ['86400', 3_600_000],
    ['9'.repeat(400), 3_600_000],
    ['-5', 1_000],
    ['Wed, 04 Mar 2026 12:00:30 GMT', 30_000],
    ['Wed, 04 Mar 2026 11:00:00 GMT', 1_000],
    ['Fri, 04 Mar 2050 11:00:00 GMT', 3_600_000],
  ])('%j is %d ms', (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected)
  })
})

describe('an answer of Twilio', () => {
  it.each([
    // The code decides where it is known, whatever the status is.
    [400, 20429, 'throttled', 'throttled'],
    [403, 21408, 'hard_failure', 'not_permitted'],
    [500, 21610, 'hard_failure', 'unsubscribed'],
    [400, 20003, 'outage', 'login_refused'],
    [400, 20404, 'outage', 'misdirected'],
    // Else the status does.
    [429, 63038, 'throttled', 'throttled'],
    [429, undefined, 'throttled', 'throttled'],
    [401, undefined, 'outage', 'login_refused'],
    [402, undefined, 'outage', 'account_inactive'],
    [307, undefined, 'outage', 'misdirected'],
    [404, undefined, 'outage', 'misdirected'],
    [405, undefined, 'outage', 'misdirected'],
    [408, undefined, 'soft_failure', 'server_unavailable'],
    [500, 20500, 'soft_failure', 'server_unavailable'],
    [503, undefined, 'soft_failure', 'server_unavailable'],
    [400, 99999, 'hard_failure', 'message_refused'],
    [400, undefined, 'hard_failure', 'message_refused'],
    [422, undefined, 'hard_failure', 'message_refused'],
    [200, undefined, 'ambiguous', 'answer_lost'],
  ] as const)('%d with %s is %s, %s', (status, code, kind, errorClass) => {
    const verdict = judgeTwilio(answer(status), { code, said: `${status} so` }, now)
    expect(verdict).toMatchObject({ kind, errorClass, reason: expect.stringMatching(`^Twilio answered ${status} so`) })
  })

  it('with the SID of a message means that it was taken', () => {
    expect(judgeTwilio(answer(201), { sid: 'SM1', said: '201 SM1' }, now)).toEqual({ kind: 'sent' })
  })

  it('which our own stop cut off does not count as an attempt', () => {
    const cut = answer(201, { fault: stopped })
    expect(judgeTwilio(cut, { said: '201' }, now)).toMatchObject({ kind: 'ambiguous', retryAfterMs: 0 })
    expect(judgeTwilio(answer(201, { fault: timedOut }), { said: '201' }, now)).not.toHaveProperty('retryAfterMs')
  })
})

describe('an answer of a gateway', () => {
  it.each([
    [200, 'sent', undefined],
    [204, 'sent', undefined],
    [301, 'outage', 'misdirected'],
    [400, 'hard_failure', 'message_refused'],
    [401, 'outage', 'login_refused'],
    [402, 'outage', 'account_inactive'],
    [403, 'outage', 'login_refused'],
    [404, 'hard_failure', 'message_refused'],
    [408, 'soft_failure', 'server_unavailable'],
    [410, 'hard_failure', 'message_refused'],
    [429, 'throttled', 'throttled'],
    [500, 'soft_failure', 'server_unavailable'],
    [599, 'soft_failure', 'server_unavailable'],
  ] as const)('%d is %s, %s', (status, kind, errorClass) => {
    const verdict = judgeGateway(answer(status), `${status}`, now)
    expect({ kind: verdict.kind, errorClass: 'errorClass' in verdict ? verdict.errorClass : undefined }).toEqual({
      kind,
      errorClass,
    })
  })

  it('that breaks off counts by its status where that refuses, and is lost where it does not', () => {
    expect(judgeGateway(answer(400, { fault: timedOut }), '400', now)).toMatchObject({ kind: 'hard_failure' })
    expect(judgeGateway(answer(200, { fault: timedOut }), '200', now)).toEqual({
      kind: 'ambiguous',
      errorClass: 'answer_lost',
      reason: 'The gateway answered 200, and broke off: It took too long to answer',
    })
    expect(judgeGateway(answer(200, { fault: stopped }), '200', now)).toMatchObject({ retryAfterMs: 0 })
  })
})

describe('no answer', () => {
  it.each([
    [{ kind: 'untouched' }, { kind: 'untouched' }],
    [
      { kind: 'unreachable', fault: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 192.0.2.1:443' } },
      {
        kind: 'soft_failure',
        errorClass: 'unreachable',
        reason: 'Cannot reach sms.example: connect ECONNREFUSED 192.0.2.1:443',
      },
    ],
    [
      { kind: 'lost', fault: timedOut },
      {
        kind: 'ambiguous',
        errorClass: 'answer_lost',
        reason: 'No answer from sms.example: It took too long to answer',
      },
    ],
    [
      { kind: 'lost', fault: stopped },
      {
        kind: 'ambiguous',
        errorClass: 'answer_lost',
        reason: 'No answer from sms.example: Stopped by the worker',
        retryAfterMs: 0,
      },
    ],
  ] as const)('%j is %j', (exchange, expected) => {
    expect(judgeSilence(exchange, 'sms.example')).toEqual(expected)
  })
})

describe('what is kept of an answer', () => {
  it.each([
    ['one line', '400  bad\r\n\tnumber\u0000', [], '400 bad number'],
    ['no secret', 'key s3cret, again s3cret', ['s3cret'], 'key ***, again ***'],
    ['nor one that is percent-encoded', '/send?key=a%2Fb%3Dc', ['a/b=c'], '/send?key=***'],
    ['the longer secret first', 'abcdef abcd', ['abcd', 'abcdef'], '*** ***'],
    ['what is too short for a secret stays', 'a=1', ['1', ''], 'a=1'],
    ['at most 200 characters', '👋'.repeat(300), [], `${'👋'.repeat(200)}…`],
    ['half a surrogate pair becomes a mark', '\ud83d', [], '\ufffd'],
  ])('%s', (_, text, secrets, expected) => {
    expect(replyText(text, secrets)).toBe(expected)
  })
})
