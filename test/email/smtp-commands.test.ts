import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endOf, envelopeCommands, readFeatures, transparent } from '../../src/email/smtp-commands.ts'

const nothing = readFeatures('250 test')
const everything = readFeatures('250-test\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8')
const message = Buffer.from('Subject: hello\r\n\r\nhello\r\n')
const envelope = { from: 'us@vertex.example', to: ['a@x.example', 'b@x.example'] }

describe('what a server offers', () => {
  it('is read from its answer to EHLO', () => {
    expect(everything).toEqual({
      pipelining: true,
      smtpUtf8: true,
      eightBitMime: true,
      size: true,
      maxMessageBytes: 1000,
    })
    expect(readFeatures('250-test\n250 size')).toEqual({ ...nothing, size: true })
    expect(readFeatures('250-test\r\n250 SIZE 0').maxMessageBytes).toBeUndefined()
  })

  it.each(['250 SIZE PIPELINING', '454 TLS not available', '250-test\r\n250 X-PIPELINING'])(
    'is nothing for %j',
    (reply) => {
      expect(readFeatures(reply)).toEqual(nothing)
    },
  )
})

describe('the commands of an envelope', () => {
  it.each([
    ['nothing more than needed', envelope, message, nothing, 'MAIL FROM:<us@vertex.example>'],
    ['the size', envelope, message, everything, `MAIL FROM:<us@vertex.example> SIZE=${message.length}`],
    [
      'international addresses',
      { ...envelope, to: ['почта@x.example', 'b@x.example'] },
      message,
      everything,
      `MAIL FROM:<us@vertex.example> SMTPUTF8 SIZE=${message.length}`,
    ],
    [
      'bytes beyond ASCII',
      envelope,
      Buffer.from('\r\n\r\nпривет\r\n'),
      everything,
      'MAIL FROM:<us@vertex.example> BODY=8BITMIME SIZE=18',
    ],
    ['no sender', { ...envelope, from: '' }, message, nothing, 'MAIL FROM:<>'],
  ])('say %s', (_what, given, body, features, mail) => {
    const recipients = given.to.map((address) => `RCPT TO:<${address}>\r\n`)
    expect(envelopeCommands(given, body, features)).toEqual([`${mail}\r\n`, ...recipients, 'DATA\r\n'])
  })

  it.each([
    ['a sender with a line break', { ...envelope, from: 'a@x.example>\r\nRSET' }],
    ['a recipient with a bracket', { ...envelope, to: ['a@x.example> NOTIFY=NEVER'] }],
    ['an empty recipient', { ...envelope, to: [''] }],
    ['nobody', { ...envelope, to: [] }],
  ])('throw on %s', (_what, given) => {
    expect(() => envelopeCommands(given, message, everything)).toThrow(/Invalid|No recipients/)
  })
})

describe('a message on its way', () => {
  const text = fc
    .array(fc.constantFrom('\r\n', '\r', '\n', '.', '..', 'a', 'я', '\r\n.\r\n', '\n.\n'), { maxLength: 40 })
    .map((parts) => parts.join(''))

  it('comes out of DATA as it was, with CRLF line ends', () => {
    fc.assert(
      fc.property(text, (given) => {
        const sent = transparent(Buffer.from(given))
        const wire = sent.toString() + endOf(sent)
        const end = `\r\n${wire}`.indexOf('\r\n.\r\n')
        expect(end).toBe(wire.length - 3)
        const received = wire.slice(0, -3).replace(/(^|\r\n)\.\./g, '$1.')
        const whole = given.replace(/\r\n|\r|\n/g, '\r\n')
        expect(received).toBe(whole.endsWith('\r\n') ? whole : `${whole}\r\n`)
      }),
    )
  })

  it('holds no line end but CRLF, which some server might take for the end of the message', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(transparent(Buffer.from(given)).toString().replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
      }),
    )
  })

  it('is not copied where nothing is to be changed', () => {
    expect(transparent(message)).toBe(message)
  })
})
