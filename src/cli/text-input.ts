import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { buffer } from 'node:stream/consumers'
import { usageError } from './cli-error.ts'

/** The text that `option` names a file for: in UTF-8, `-` for standard input. */
export async function readTextFile(option: string, path: string): Promise<string> {
  const bytes = path === '-' ? await buffer(process.stdin) : await readNamed(option, path)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw usageError(`${path === '-' ? 'standard input' : path} is not UTF-8`)
  }
}

async function readNamed(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw usageError(`${option}: ${error instanceof Error ? error.message : error}`)
  }
}

export interface TextOptions {
  readonly text?: string
  readonly textFile?: string
}

interface TextSource {
  /** What is to say something: `the mail`. */
  readonly who: string
  /** Whether something else does. */
  readonly isSaidElsewhere: boolean
  /** Whether it may do with less: with a subject alone. */
  readonly mayBeEmpty?: boolean
  /** What could be given instead. */
  readonly hint: string
}

/** What a message says. Standard input is read only where nothing else says it, or where it is named. */
export async function readText({ text, textFile }: TextOptions, source: TextSource): Promise<string> {
  if (text !== undefined && textFile !== undefined) throw usageError('--text and --text-file exclude each other')
  const isSilent = text === undefined && textFile === undefined && !source.isSaidElsewhere
  const isTyped = process.stdin.isTTY === true
  const { mayBeEmpty = false } = source
  if (isSilent && isTyped && !mayBeEmpty) throw usageError(`${source.who} says nothing`, source.hint)
  const path = isSilent && !isTyped ? '-' : textFile
  const given = path === undefined ? (text ?? '') : await readTextFile('--text-file', path)
  if (isSilent && !mayBeEmpty && given.trim() === '')
    throw usageError(`${source.who} says nothing: standard input is empty`)
  return withoutNul('the text', given)
}

/** PostgreSQL cannot hold it. */
export function withoutNul<T extends string | null>(what: string, text: T): T {
  if (text?.includes('\0')) throw usageError(`${what} holds a NUL character`)
  return text
}
