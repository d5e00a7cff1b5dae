import { readFile } from 'node:fs/promises'
import process from 'node:process'
import { buffer } from 'node:stream/consumers'
import { usageError } from '../cli-error.ts'

export interface ContentOptions {
  readonly text?: string
  readonly textFile?: string
  readonly html?: string
  readonly htmlFile?: string
  readonly template?: string
}

/** What the mail says. Standard input is read only where nothing else says it, or where it is named. */
export async function readContent(options: ContentOptions): Promise<{ text: string; html: string | null }> {
  const { text, textFile, html, htmlFile, template } = options
  if (text !== undefined && textFile !== undefined) throw usageError('--text and --text-file exclude each other')
  if (html !== undefined && htmlFile !== undefined) throw usageError('--html and --html-file exclude each other')
  if (template !== undefined && [text, textFile, html, htmlFile].some((given) => given !== undefined)) {
    throw usageError('a template brings its own text and HTML', 'leave out --template, or the text')
  }
  const givenHtml = htmlFile === undefined ? html : await readText('--html-file', htmlFile)
  const isSilent = [text, textFile, givenHtml, template].every((given) => given === undefined)
  if (isSilent && process.stdin.isTTY === true) {
    throw usageError(
      'the mail says nothing',
      'give --text, --text-file, --html, --html-file or --template, or pipe it in',
    )
  }
  const source = isSilent ? '-' : textFile
  const givenText = source === undefined ? (text ?? '') : await readText('--text-file', source)
  if (isSilent && givenText.trim() === '') throw usageError('the mail says nothing: standard input is empty')
  return { text: withoutNul('the text', givenText), html: withoutNul('the HTML', givenHtml ?? null) }
}

async function readText(option: string, path: string): Promise<string> {
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

/** PostgreSQL cannot hold it. */
function withoutNul<T extends string | null>(what: string, text: T): T {
  if (text?.includes('\0')) throw usageError(`${what} holds a NUL character`)
  return text
}
