import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLinkToken, hashLinkToken, isGenuineLinkToken } from '../../src/telegram/link-token.ts'

const botToken = '123:abc'

describe('a link token', () => {
  it('passes through Telegram, is never the same, and is genuine for its bot alone', () => {
    const tokens = Array.from({ length: 200 }, () => createLinkToken(botToken))
    expect(new Set(tokens).size).toBe(200)
    for (const token of tokens) {
      expect(token).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
      expect(isGenuineLinkToken(token, botToken)).toBe(true)
      expect(isGenuineLinkToken(token, '123:abd')).toBe(false)
      expect(hashLinkToken(token).toString('latin1')).not.toContain(token)
    }
  })

  it('is refused with any character changed', () => {
    const token = createLinkToken(botToken)
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    fc.assert(
      fc.property(fc.nat(63), fc.constantFrom(...alphabet), (place, character) => {
        fc.pre(token[place] !== character)
        const forged = token.slice(0, place) + character + token.slice(place + 1)
        expect(isGenuineLinkToken(forged, botToken)).toBe(false)
      }),
    )
  })

  it('is not made of anything else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.stringMatching(/^[\w-]{64}$/)), (text) => {
        expect(isGenuineLinkToken(text, botToken)).toBe(false)
      }),
    )
  })
})
