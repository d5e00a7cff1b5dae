import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Conversation, headerOf } from '../../bench/sink/conversation.ts'

const session = Buffer.from(
  [
    'EHLO test',
    'MAIL FROM:<a@example.com>',
    'RCPT TO:<b@example.com>',
    'DATA',
    'Message-ID:\r\n <1@example.com>\r\nSubject: one\r\n\r\n..\r\n.. dots\r\n.',
    'MAIL FROM:<a@example.com>',
    'RCPT TO:<b@example.com>',
    'DATA',
    'Message-ID: <2@example.com>\r\n\r\n.',
    'QUIT\r\n',
  ].join('\r\n'),
)
const codes = ['250-', '250 ', '250 ', '250 ', '354 ', '250 ', '250 ', '250 ', '354 ', '250 ', '221 ']

describe('the sink', () => {
  it('takes a session in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(session.length)), (cuts) => {
        const messages: Buffer[] = []
        const conversation = new Conversation((message) => messages.push(Buffer.from(message)))
        const edges = [0, ...cuts.toSorted((a, b) => a - b), session.length]
        const reactions = edges.slice(1).map((edge, n) => conversation.receive(session.subarray(edges[n], edge)))
        const answers = Buffer.concat(reactions.map(({ answer }) => answer)).toString()
        expect(
          answers
            .trim()
            .split('\r\n')
            .map((line) => line.slice(0, 4)),
        ).toEqual(codes)
        expect(reactions.filter(({ ends }) => ends)).toHaveLength(1)
        expect(messages.map((message) => headerOf(message, 'Message-ID'))).toEqual([
          '<1@example.com>',
          '<2@example.com>',
        ])
        expect(messages.map((message) => headerOf(message, 'Subject'))).toEqual(['one', ''])
      }),
    )
  })
})
