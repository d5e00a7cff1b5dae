import type { Reading } from '../runtime/reading.ts'

/** Some templates by their ids, or every mail, with a template or without. */
export type TemplateChoice = readonly string[] | 'all'

/** Reads `subscription_expired, invoice` or `*`. */
export function readTemplateChoice(text: string): Reading<TemplateChoice> {
  if (text === '*') return { value: 'all' }
  const ids = text.split(',').map((id) => id.trim())
  const wrong = ids.find((id) => !/^[a-z0-9_-]+$/.test(id))
  if (wrong === undefined) return { value: [...new Set(ids)] }
  if (wrong === '') return { reason: 'has an empty place between its commas' }
  if (wrong === '*') return { reason: 'has `*`, which stands for every mail, among ids' }
  return { reason: `has "${wrong}", which no template can be called` }
}
