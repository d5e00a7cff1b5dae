import { describe, expect, it } from 'vitest'
import { judge, type RecipientStates } from '../../src/email/policy.ts'
import { classifyReply } from '../../src/email/reply-class.ts'
import { parseReply, type SmtpExchange, type SmtpReply } from '../../src/email/smtp-exchange.ts'

function reply(text: string): SmtpReply {
  const parsed = parseReply(text)
  if (!parsed) throw new Error(`not a reply: ${text}`)
  return parsed
}

describe('reading a reply', () => {
  it.each([
    ['250 2.1.5 Ok', { code: 250, enhanced: '2.1.5', text: 'Ok' }],
    ['550-5.1.1 No such user\r\n550 5.1.1 Try again', { code: 550, enhanced: '5.1.1', text: 'No such user Try again' }],
    ['421 closing', { code: 421, enhanced: undefined, text: 'closing' }],
    ['354', { code: 354, enhanced: undefined, text: '' }],
    ['550 5.7.1 \u0000\u001b[31mred', { code: 550, enhanced: '5.7.1', text: '[31mred' }],
  ])('%j', (raw, expected) => {
    expect(parseReply(raw)).toEqual(expected)
  })

  it.each(['', 'hello', '\r\n'])('finds none in %j', (raw) => {
    expect(parseReply(raw)).toBeUndefined()
  })
})

describe('classifying a reply', () => {
  it.each([
    // The enhanced code decides where there is one.
    ['recipient', '550 5.1.1 no such user', 'hard', 'recipient_unknown'],
    ['recipient', '550 4.2.1 try later', 'soft', 'mailbox_unavailable'],
    ['recipient', '450 5.1.1 odd, but lasting', 'hard', 'recipient_unknown'],
    ['recipient', '550 5.1.2 bad system', 'hard', 'domain_unknown'],
    ['recipient', '556 5.1.10 null MX', 'hard', 'domain_unknown'],
    ['recipient', '501 5.1.3 bad address syntax', 'hard', 'recipient_invalid'],
    ['recipient', '552 5.2.2 over quota', 'hard', 'mailbox_full'],
    ['recipient', '452 4.2.2 over quota', 'soft', 'mailbox_full'],
    ['recipient', '450 4.7.1 greylisted', 'soft', 'policy_refused'],
    ['recipient', '452 4.5.3 too many recipients', 'soft', 'too_many_recipients'],
    ['recipient', '554 5.7.1 blocked', 'hard', 'policy_refused'],
    ['recipient', '451 4.4.0 DNS', 'soft', 'network'],
    ['message', '552 5.3.4 too big', 'hard', 'too_large'],
    ['message', '554 5.6.0 content', 'hard', 'content_rejected'],
    ['message', '451 4.3.0 try later', 'soft', 'server_unavailable'],
    // Without one the code and the step do.
    ['recipient', '550 unknown', 'hard', 'recipient_unknown'],
    ['recipient', '552 full', 'soft', 'too_many_recipients'],
    ['recipient', '450 busy', 'soft', 'mailbox_unavailable'],
    ['recipient', '553 bad name', 'hard', 'recipient_invalid'],
    ['message', '550 spam', 'hard', 'content_rejected'],
    ['message', '552 big', 'hard', 'too_large'],
    ['message', '451 later', 'soft', 'server_unavailable'],
    ['recipient', '503 sequence', 'hard', 'protocol'],
    // Said to a recipient, it is that recipient's until many say it.
    ['recipient', '530 5.7.0 authentication required', 'hard', 'policy_refused'],
    ['recipient', '550 5.1.8 sender domain not found', 'hard', 'sender_refused'],
    ['recipient', '450 4.1.8 sender domain not found', 'soft', 'sender_refused'],
    // Too many at once is never lasting.
    ['recipient', '552 5.5.3 too many recipients', 'soft', 'too_many_recipients'],
    // A 2yz code is acceptance whatever the text, and an address at its head is no enhanced code.
    ['recipient', '250 2.1.5 ok', 'accepted', 'mailbox_unavailable'],
    ['message', '250 5.9.12.3 accepted', 'accepted', 'server_unavailable'],
    ['recipient', '450 5.9.12.3 is greylisted', 'soft', 'mailbox_unavailable'],
  ] as const)('to a %s: %s is %s, %s', (step, text, verdict, errorClass) => {
    const actual = classifyReply(reply(text), step)
    expect(actual.verdict).toBe(verdict)
    if (verdict !== 'accepted') expect(actual.errorClass).toBe(errorClass)
  })
})

const ok = reply('250 2.1.0 ok')

function exchange(part: Partial<SmtpExchange> & { answers?: Record<string, string | undefined> }): SmtpExchange {
  const { answers = { 'a@x.ru': '250 2.1.5 ok' }, ...rest } = part
  const recipients = Object.entries(answers).map(([address, text]) => ({
    address,
    reply: text === undefined ? undefined : reply(text),
  }))
  return { stage: 'handed_over', mail: ok, recipients, message: ok, fault: undefined, ...rest }
}

const refusedLogin = { code: 'EAUTH', message: 'Invalid login', reply: reply('535 5.7.8 bad credentials') }
const lost = { code: 'ECONNECTION', message: 'Connection closed unexpectedly', reply: undefined }
const timeout = { code: 'ETIMEDOUT', message: 'Timeout', reply: undefined }

describe('judging an exchange', () => {
  it.each([
    ['no connection', exchange({ stage: 'connect', fault: lost }), 'outage', 'unreachable'],
    ['a connection that times out', exchange({ stage: 'connect', fault: timeout }), 'outage', 'timeout'],
    ['no TLS', exchange({ stage: 'connect', fault: { ...lost, code: 'ETLS' } }), 'outage', 'tls'],
    ['a refused login', exchange({ stage: 'login', fault: refusedLogin }), 'outage', 'login_refused'],
    ['silence after MAIL FROM', exchange({ stage: 'mail', mail: undefined, fault: timeout }), 'outage', 'timeout'],
    [
      'a refused sender',
      exchange({ stage: 'mail', mail: reply('553 5.7.1 not owned by you') }),
      'outage',
      'sender_refused',
    ],
    ['a sender put off', exchange({ stage: 'mail', mail: reply('451 4.3.0 later') }), 'outage', 'server_unavailable'],
    [
      'a message above SIZE',
      exchange({ stage: 'mail', mail: reply('552 5.3.4 too large') }),
      'hard_failure',
      'too_large',
    ],
    [
      'an address that needs SMTPUTF8',
      exchange({ stage: 'mail', mail: reply('550 5.6.7 no UTF-8') }),
      'hard_failure',
      'smtputf8_unsupported',
    ],
    ['everything taken', exchange({}), 'sent', undefined],
    [
      'an unknown user',
      exchange({ stage: 'recipients', message: undefined, answers: { 'a@x.ru': '550 5.1.1 no' } }),
      'hard_failure',
      'recipient_unknown',
    ],
    [
      'a busy mailbox',
      exchange({ stage: 'recipients', message: undefined, answers: { 'a@x.ru': '450 4.2.0 busy' } }),
      'soft_failure',
      'mailbox_unavailable',
    ],
    ['a refused message', exchange({ message: reply('554 5.6.0 no') }), 'hard_failure', 'content_rejected'],
    ['a message put off', exchange({ message: reply('451 4.3.0 later') }), 'soft_failure', 'server_unavailable'],
    [
      'a refused DATA',
      exchange({ stage: 'data', message: reply('451 4.3.0 later') }),
      'soft_failure',
      'server_unavailable',
    ],
    [
      'a connection lost at RCPT',
      exchange({ stage: 'recipients', message: undefined, fault: lost, answers: { 'a@x.ru': undefined } }),
      'soft_failure',
      'connection_lost',
    ],
    [
      'a connection lost within the message',
      exchange({ stage: 'body', message: undefined, fault: lost }),
      'soft_failure',
      'connection_lost',
    ],
    [
      'a timeout within the message',
      exchange({ stage: 'body', message: undefined, fault: timeout }),
      'soft_failure',
      'timeout',
    ],
    [
      'a connection lost after the final dot',
      exchange({ message: undefined, fault: lost }),
      'ambiguous',
      'answer_lost',
    ],
  ] as const)('%s', (_name, said, kind, errorClass) => {
    const { outcome } = judge(said, {})
    expect(outcome.kind).toBe(kind)
    if (outcome.kind !== 'sent') expect(outcome.errorClass).toBe(errorClass)
  })

  it('keeps what is known of each recipient apart', () => {
    const answers = { 'a@x.ru': '250 2.1.5 ok', 'b@x.ru': '450 4.2.1 busy', 'c@x.ru': '550 5.1.1 nobody' }
    const { outcome, recipients } = judge(exchange({ answers }), {})
    expect(recipients).toEqual({
      'a@x.ru': { state: 'accepted', reply: '250 2.1.0 ok' },
      'b@x.ru': {
        state: 'deferred',
        reply: 'the mailbox is not available (450 4.2.1 busy)',
        error_class: 'mailbox_unavailable',
      },
      'c@x.ru': { state: 'refused', reply: 'no such mailbox (550 5.1.1 nobody)', error_class: 'recipient_unknown' },
    })
    expect(outcome.kind).toBe('soft_failure')
  })

  it('fails a mail whose other recipients have it, naming who refused', () => {
    const known: RecipientStates = {
      'a@x.ru': { state: 'accepted', reply: '250 ok' },
      'c@x.ru': { state: 'refused', reply: 'no such mailbox (550 5.1.1 nobody)', error_class: 'recipient_unknown' },
    }
    const { outcome } = judge(exchange({ answers: { 'b@x.ru': '250 ok' } }), known)
    expect(outcome).toEqual({
      kind: 'hard_failure',
      errorClass: 'recipient_unknown',
      reason: 'c@x.ru refused: no such mailbox (550 5.1.1 nobody); accepted for 2 of 3',
    })
  })

  it('goes on with the next recipients when the server takes only so many at once', () => {
    const answers = { 'a@x.ru': '250 ok', 'b@x.ru': '452 4.5.3 too many recipients' }
    expect(judge(exchange({ answers }), {}).outcome.kind).toBe('throttled')
    const none = { 'a@x.ru': '452 4.5.3 too many recipients' }
    expect(judge(exchange({ stage: 'recipients', message: undefined, answers: none }), {}).outcome.kind).toBe(
      'soft_failure',
    )
  })
})
