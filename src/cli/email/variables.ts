import type { JsonObject } from '../../db/schema.ts'
import { usageError } from '../cli-error.ts'

/** The variables of a template, given as JSON. */
export function readVariables(text: string | undefined): JsonObject {
  if (text === undefined) return {}
  const value = parse(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw usageError('--variables is no JSON object', 'write \'{"name":"Ann"}\'')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw usageError(
      `--variables is no JSON: ${error instanceof Error ? error.message : error}`,
      'write \'{"name":"Ann"}\'',
    )
  }
}
