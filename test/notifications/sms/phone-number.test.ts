import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPhoneNumber } from '../../../src/notifications/channels/sms/phone-number.ts'

describe('a phone number', () => {
  it.each([
    ['8 (912) 345-67-89', '+79123456789'],
    ['+7 912 345-67-89', '+79123456789'],
    ['79123456789', '+79123456789'],
    ['9123456789', '+79123456789'],
    ['8-495-123-45-67', '+74951234567'],
    ['8.800.555.35.35', '+78005553535'],
    ['+7 701 234 56 78', '+77012345678'],
    ['0079123456789', '+79123456789'],
    ['+375 29 123-45-67', '+375291234567'],
    ['+44 (0)20 7946 0958', '+442079460958'],
    ['+1 (415) 555-2671', '+14155552671'],
    ['+49 30 901820', '+4930901820'],
    // As copied from a list of contacts: marks of direction, non-breaking spaces and hyphens.
    ['\u202a+7\u00a0912\u00a0345\u201167\u201189\u202c', '+79123456789'],
  ])('%j is %s', (written, expected) => {
    expect(readPhoneNumber(written)).toEqual({ value: expected })
  })

  it.each([
    ['', 'is empty'],
    [' - ', 'is empty'],
    ['нет', 'has more in it than digits'],
    ['+', 'has more in it than digits'],
    ['+7+9123456789', 'has more in it than digits'],
    ['8 912 345-67-89 доб. 5', 'has more in it than digits'],
    ['8 912 345-67-89, 8 913 345-67-89', 'has more in it than digits'],
    ['mail@example.com', 'has more in it than digits'],
    ['٩١٢٣٤٥٦٧٨٩', 'has more in it than digits'],
    ['112', 'has no country code: write it with a +'],
    ['345-67-89', 'has no country code: write it with a +'],
    ['375291234567', 'has no country code: write it with a +'],
    ['0 912 345 67 89', 'has no country code: write it with a +'],
    ['8 012 345 67 89', 'has no country code: write it with a +'],
    ['+0123456789', 'cannot be a number of any country'],
    ['+123456', 'cannot be a number of any country'],
    ['+1234567890123456', 'cannot be a number of any country'],
    ['+7 912 345-67-8', 'cannot be a number of +7'],
    ['+7 912 345-67-890', 'cannot be a number of +7'],
    ['+7 112 345-67-89', 'cannot be a number of +7'],
  ])('%j is none: it %s', (written, reason) => {
    expect(readPhoneNumber(written)).toEqual({ reason })
  })

  it('is the same however its digits are set apart, and when it is read again', () => {
    const digits = fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: 9, maxLength: 9 })
      .map((some) => `9${some.join('')}`)
    const gaps = fc.array(fc.constantFrom('', ' ', '-', '.', '(', ')', '\u00a0', '–'), { minLength: 10, maxLength: 10 })
    fc.assert(
      fc.property(digits, gaps, fc.constantFrom('8', '7', '+7', '007'), (number, between, start) => {
        // Only "(0)" means something of its own.
        const written = start + [...number].map((digit, index) => between[index] + digit).join('')
        fc.pre(!written.includes('(0)'))
        expect(readPhoneNumber(written)).toEqual({ value: `+7${number}` })
        expect(readPhoneNumber(`+7${number}`)).toEqual({ value: `+7${number}` })
      }),
    )
  })

  it('is in E.164 or none at all, whatever was written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[+\d ()-]{0,24}$/)), (written) => {
        const reading = readPhoneNumber(written)
        if ('value' in reading) expect(reading.value).toMatch(/^\+[1-9]\d{7,14}$/)
        else expect(reading.reason).not.toBe('')
      }),
    )
  })
})
