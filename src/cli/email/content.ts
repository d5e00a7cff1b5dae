import { usageError } from '../cli-error.ts'
import { readText, readTextFile, type TextOptions, withoutNul } from '../text-input.ts'

export interface ContentOptions extends TextOptions {
  readonly html?: string
  readonly htmlFile?: string
  readonly template?: string
}

/** What the mail says. Standard input is read only where nothing else says it, or where it is named. */
export async function readContent(options: ContentOptions): Promise<{ text: string; html: string | null }> {
  const { text, textFile, html, htmlFile, template } = options
  if (html !== undefined && htmlFile !== undefined) throw usageError('--html and --html-file exclude each other')
  if (template !== undefined && [text, textFile, html, htmlFile].some((given) => given !== undefined)) {
    throw usageError('a template brings its own text and HTML', 'leave out --template, or the text')
  }
  const givenHtml = htmlFile === undefined ? html : await readTextFile('--html-file', htmlFile)
  const givenText = await readText(options, {
    who: 'the mail',
    isSaidElsewhere: givenHtml !== undefined || template !== undefined,
    hint: 'give --text, --text-file, --html, --html-file or --template, or pipe it in',
  })
  return { text: givenText, html: withoutNul('the HTML', givenHtml ?? null) }
}
