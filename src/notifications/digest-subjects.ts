import { oneLine } from '../email/one-line.ts'
import { markupToText } from '../email/simple-markup.ts'
import type { Told } from './notice.ts'

/** So many notices are told one by one; of more than that a digest has the subjects alone. */
export const fewNotices = 25

/** A subject of a list. */
export interface ListedSubject {
  readonly id: number
  /** One line of plain text, at most 120 characters. */
  readonly subject: string
}

export interface SubjectList {
  readonly listed: readonly ListedSubject[]
  /** How many notices are not in the list. */
  readonly more: number
}

export interface SubjectLimits {
  readonly subjects: number
  /** Of all of them, in UTF-16 units, each with `between` units before it. */
  readonly characters: number
  readonly between: number
}

const longestSubject = 120
/** More than is shown of a message, with room for its tags. */
const looksAt = 2_000

/** The subjects of notices, in order, as far as they fit; in place of a subject that there is not stands how the message begins. */
export function listSubjects(digest: readonly Told[], limits: SubjectLimits): SubjectList {
  const listed: ListedSubject[] = []
  let left = limits.characters
  for (const told of digest) {
    const subject = subjectOf(told)
    if (subject === '') continue
    left -= limits.between + subject.length
    if (left < 0 || listed.length === limits.subjects) break
    listed.push({ id: told.id, subject })
  }
  return { listed, more: digest.length - listed.length }
}

function subjectOf({ subject, message }: Told): string {
  const text = oneLine(subject ?? '') || oneLine(markupToText((message ?? '').slice(0, looksAt)))
  const characters = [...text]
  return characters.length <= longestSubject
    ? text
    : `${characters
        .slice(0, longestSubject - 1)
        .join('')
        .trimEnd()}…`
}
