import type { JsonObject } from '../db/schema.ts'
import { usageError } from './cli-error.ts'

/** The JSON object that is given with an option; an empty one where none is. */
export function readJsonOption(option: string, text: string | undefined): JsonObject {
  if (text === undefined) return {}
  const value = parse(option, text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw usageError(`${option} is no JSON object`, 'write \'{"name":"Ann"}\'')
}

function parse(option: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw usageError(
      `${option} is no JSON: ${error instanceof Error ? error.message : error}`,
      'write \'{"name":"Ann"}\'',
    )
  }
}
