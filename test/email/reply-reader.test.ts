import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ReplyReader } from '../../src/email/reply-reader.ts'

function read(chunks: readonly Buffer[]): string[] {
  const reader = new ReplyReader()
  return chunks.flatMap((chunk) => {
    reader.push(chunk)
    const replies: string[] = []
    for (let reply = reader.next(); reply !== undefined; reply = reader.next()) replies.push(reply)
    return replies
  })
}

const replies = [
  '250 ok',
  '250-first\r\n250-second\r\n250 third',
  '354',
  '550 5.1.1 нет такого ящика',
  'hello',
  '421 bye',
]

describe('reading answers', () => {
  it('finds the same ones however the bytes are cut up', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...replies)), fc.array(fc.nat({ max: 200 })), (given, cuts) => {
        const bytes = Buffer.from(given.map((reply) => `${reply}\r\n`).join(''))
        const points = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length]
        expect(read(points.slice(1).map((point, index) => bytes.subarray(points[index], point)))).toEqual(given)
      }),
    )
  })

  it('takes bare line feeds for line ends and passes over empty lines', () => {
    expect(read([Buffer.from('\r\n\n250-one\n250 two\n\r\n250 three\n')])).toEqual(['250-one\n250 two', '250 three'])
  })

  it('reads what is not UTF-8 byte by byte', () => {
    expect(read([Buffer.from('550 caf\xe9\r\n', 'latin1')])).toEqual(['550 café'])
  })

  it('knows when an answer has become too long', () => {
    const reader = new ReplyReader()
    reader.push(Buffer.from(`250-${'x'.repeat(60_000)}\r\n`))
    expect({ next: reader.next(), overflowing: reader.overflowing }).toEqual({ next: undefined, overflowing: false })
    reader.push(Buffer.from(`250-${'x'.repeat(60_000)}\r\n`))
    expect({ next: reader.next(), overflowing: reader.overflowing }).toEqual({ next: undefined, overflowing: true })
  })
})
