import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The source of a module with a fault point before each of its awaits. */
export interface Pointed {
  readonly source: string
  /** `queue/drain.ts:123:7`: file, line, column. */
  readonly points: readonly string[]
}

/** All fault points of the modules in this folder that are meant. */
export function listFaultPoints(sourceFolder: string, isMeant: (file: string) => boolean): string[] {
  return readdirSync(sourceFolder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && isMeant(file))
    .sort()
    .flatMap((file) => insertFaultPoints(file, readFileSync(join(sourceFolder, file), 'utf8')).points)
}

/** One of what can hold the word without being an await, or an await: comments, strings, templates, regular expressions. */
const tokens = new RegExp(
  [
    String.raw`//[^\n]*|/\*[\s\S]*?\*/`,
    String.raw`'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"`,
    String.raw`(?<=[(,=:[!&|?{};\n]\s*)/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*`,
    String.raw`\bfor await\b`,
    String.raw`(?<await>\bawait (?!using\b))`,
    '`',
  ].join('|'),
  'g',
)

/**
 * Puts `globalThis.faultPoint("…") || ` before each `await …`: it answers undefined, or kills the process. No parentheses are needed:
 * where `await` is part of a larger expression with an operator that binds more tightly than `||`, the formatter has put some round it.
 */
export function insertFaultPoints(file: string, source: string): Pointed {
  const points: string[] = []
  let pointed = ''
  let done = 0
  tokens.lastIndex = 0
  for (let found = tokens.exec(source); found; found = tokens.exec(source)) {
    if (found[0] === '`') tokens.lastIndex = endOfTemplate(source, found.index)
    if (found.groups?.await === undefined) continue
    const name = `${file}:${positionOf(source, found.index)}`
    points.push(name)
    pointed += `${source.slice(done, found.index)}globalThis.faultPoint(${JSON.stringify(name)}) || `
    done = found.index
  }
  return { source: pointed + source.slice(done), points }
}

/** Just after the backquote that ends the template; what stands inside, placeholders included, has no awaits of interest. */
function endOfTemplate(source: string, start: number): number {
  let depth = 0
  for (let at = start + 1; at < source.length; at += 1) {
    const char = source[at]
    if (char === '\\') at += 1
    else if (depth === 0 && char === '`') return at + 1
    else if (char === '`') at = endOfTemplate(source, at) - 1
    else if (char === '{' && (depth > 0 || source[at - 1] === '$')) depth += 1
    else if (char === '}' && depth > 0) depth -= 1
  }
  return source.length
}

function positionOf(source: string, index: number): string {
  const before = source.slice(0, index).split('\n')
  return `${before.length}:${(before.at(-1)?.length ?? 0) + 1}`
}
