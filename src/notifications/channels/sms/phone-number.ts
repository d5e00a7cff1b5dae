import type { Reading } from '../../../runtime/reading.ts'

const invisible = /\p{Cf}/gu
const punctuation = /[\s().\-‐-―−]/g
/** As in `+44 (0)20 …`: dialled within the country only. */
const trunkZero = /\(0\)/

/** What can be a number in E.164: a country code, and 8 to 15 digits in all. */
const international = /^\+[1-9]\d{7,14}$/
/** The numbering plan of +7 knows no area that begins with another digit. */
const ofPlanSeven = /^\+7[3-9]\d{9}$/
/** A number of +7 as it is written at home: after 8 or 7, or a mobile one by itself. */
const atHome = /^(?:[78](?=[3-9]\d{9}$)|(?=9\d{9}$))/

/**
 * Reads a phone number as people write it, and answers it in E.164 (ITU-T): `8 (912) 345-67-89` is `+79123456789`. Without `+` or `00`
 * only a number of +7 is understood; with anything but digits and punctuation, such as an extension, it is none.
 */
export function readPhoneNumber(text: string): Reading<string> {
  const compact = text.replace(invisible, '').replace(trunkZero, '').replace(punctuation, '').replace(/^00/, '+')
  if (compact === '') return { reason: 'is empty' }
  if (!/^\+?\d+$/.test(compact)) return { reason: 'has more in it than digits' }
  const number = compact.replace(atHome, '+7')
  if (!number.startsWith('+')) return { reason: 'has no country code: write it with a +' }
  if (!international.test(number)) return { reason: 'cannot be a number of any country' }
  if (number.startsWith('+7') && !ofPlanSeven.test(number)) return { reason: 'cannot be a number of +7' }
  return { value: number }
}
