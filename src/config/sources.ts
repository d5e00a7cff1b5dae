import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'dotenv'
import type { ConfigFault } from './config-error.ts'
import { type VariableName, variableNames, variables } from './variables.ts'

/** A text that was given for a variable, and where. */
export interface Given {
  readonly text: string
  readonly source: string
}

export interface Sources {
  readonly given: ReadonlyMap<VariableName, Given>
  /** Every name that was given anything, known or not, with where. */
  readonly names: ReadonlyMap<string, string>
  readonly faults: readonly ConfigFault[]
  readonly warnings: readonly string[]
}

type Texts = Readonly<Record<string, string | undefined>>
interface Source {
  readonly name: string
  readonly texts: Texts
}

/**
 * Gathers what is given: the environment wins over `.env` in `root`, an empty value counts as not given, and a secret may be in a file
 * that `NAME_FILE` names. Prints nothing and changes nothing.
 */
export function readSources({ env, root }: { env: Texts; root: string }): Sources {
  const dotenv = readDotenv(join(root, '.env'))
  const sources: Source[] = [{ name: 'the environment', texts: env }, dotenv]
  const given = new Map<VariableName, Given>()
  const faults = [...dotenv.faults]
  for (const name of variableNames) {
    const found = findGiven({ name, sources, root })
    if (found === undefined) continue
    if ('expected' in found) faults.push(found)
    else given.set(name, found)
  }
  return { given, names: namesIn(sources), faults, warnings: dotenv.warnings }
}

function readDotenv(path: string): Source & { faults: ConfigFault[]; warnings: string[] } {
  try {
    const texts = parse(readFileSync(path))
    const open = (statSync(path).mode & 0o077) !== 0
    const warnings = open ? [`${path} can be read by other users of this machine; run: chmod 600 ${path}`] : []
    return { name: path, texts, faults: [], warnings }
  } catch (error) {
    const absent = codeOf(error) === 'ENOENT'
    const fault = { variable: '.env', given: path, expected: 'a file that can be read', reason: unreadable(error) }
    return { name: path, texts: {}, faults: absent ? [] : [fault], warnings: [] }
  }
}

interface Search {
  readonly name: VariableName
  readonly sources: readonly Source[]
  readonly root: string
}

function findGiven({ name, sources, root }: Search): Given | ConfigFault | undefined {
  const isSecret = variables[name].secret === true
  const fileName = `${name}_FILE`
  for (const source of sources) {
    const text = nonEmpty(source.texts[name])
    const path = isSecret ? nonEmpty(source.texts[fileName]) : undefined
    if (text !== undefined && path !== undefined) {
      return {
        variable: name,
        given: `both ${name} and ${fileName}`,
        source: source.name,
        expected: 'only one of the two',
      }
    }
    if (path !== undefined) return readSecretFile({ name: fileName, path: resolve(root, path), source: source.name })
    if (text !== undefined) return { text: isSecret ? text : text.trim(), source: source.name }
  }
  return undefined
}

function readSecretFile({ name, path, source }: { name: string; path: string; source: string }): Given | ConfigFault {
  const fault = { variable: name, given: path, source, expected: 'the path of a file that holds the value' }
  try {
    const text = readFileSync(path, 'utf8').replace(/(\r?\n)+$/, '')
    return text.trim() === '' ? { ...fault, reason: 'is empty' } : { text, source: path }
  } catch (error) {
    return { ...fault, reason: unreadable(error) }
  }
}

function namesIn(sources: readonly Source[]): Map<string, string> {
  const names = new Map<string, string>()
  for (const { name: source, texts } of sources.toReversed()) {
    for (const [name, text] of Object.entries(texts)) if (nonEmpty(text) !== undefined) names.set(name, source)
  }
  return names
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text
}

function unreadable(error: unknown): string {
  return `cannot be read (${codeOf(error) ?? String(error)})`
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
