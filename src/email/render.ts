import { fileURLToPath } from 'node:url'
import { type Locale, resolveLocale, resolveTimeZone } from './locale.ts'
import { oneLine } from './one-line.ts'
import { createTemplateEngines } from './template-engine.ts'
import { explainTemplateFault, type TemplateFault } from './template-fault.ts'
import { createTemplateLibrary, type TemplateLibrary, type TemplatePart } from './template-library.ts'

/** What a row of the queue says about its template. */
export type RenderRequest = {
  readonly templateId: string
  /** The row's `variables`: a JSON object, or null for none. Whatever else it is gets refused. */
  readonly variables: unknown
  readonly defaultLocale: Locale
}

/** A mail's content, or why there is none; trying again does not help then. `html` is null where a template has none. */
export type Rendered =
  | { readonly kind: 'rendered'; readonly subject: string; readonly text: string; readonly html: string | null }
  | Refused

/** What other channels tell of a mail, or why there is none. `message` is Telegram's HTML, null where a template has none. */
export type RenderedNotice =
  | { readonly kind: 'rendered'; readonly subject: string; readonly message: string | null }
  | Refused

type Refused = { readonly kind: 'refused' } & TemplateFault

/** Renders the templates that ship with the fleet. They are read once per process. */
export const { renderTemplate, renderNotice } = createRenderer(fileURLToPath(new URL('./templates', import.meta.url)))

/** What a template is rendered into, as mail and as a notice. */
export interface Renderer {
  renderTemplate(request: RenderRequest): Rendered
  /** The same subject, one line, at a fraction of what the whole mail takes. */
  renderNotice(request: RenderRequest): RenderedNotice
}

/**
 * A renderer of the templates in `directory`, laid out as `<id>/{ru,en}/{subject,text,html,message}.liquid`. It never throws
 * over what a row or a template holds. The language is that of `variables.locale`, else the default, else the one
 * that the template has. A null among the variables counts as not given. The subject is one line.
 */
export function createRenderer(directory: string): Renderer {
  let library: TemplateLibrary | undefined

  function render<Content>({ templateId, variables, defaultLocale }: RenderRequest, contentOf: ContentOf<Content>) {
    const given = variables ?? {}
    if (typeof given !== 'object' || Array.isArray(given)) return refuseVariables(given)
    const wanted = resolveLocale('locale' in given ? given.locale : undefined, defaultLocale)
    library ??= createTemplateLibrary(directory, createTemplateEngines(directory))
    const found = library.find(templateId, [wanted, defaultLocale])
    if (found.kind === 'fault') return refuse(found)
    const { template } = found
    const scope = scopeOf(given, template.locale)
    let part: TemplatePart = 'subject'
    try {
      const content = contentOf((name) => {
        part = name
        return template[name]?.(scope) ?? null
      })
      return { kind: 'rendered' as const, ...content }
    } catch (error) {
      return refuse(explainTemplateFault(error, { name: `${template.name}/${part}`, directory }))
    }
  }

  return {
    renderTemplate: (request) => render(request, mailContent),
    renderNotice: (request) => render(request, noticeContent),
  }
}

type PartReader = (part: TemplatePart) => string | null
type ContentOf<Content> = (read: PartReader) => Content

function mailContent(read: PartReader) {
  return { subject: oneLine(read('subject') ?? ''), text: tidy(read('text') ?? ''), html: read('html') }
}

function noticeContent(read: PartReader) {
  const subject = oneLine(read('subject') ?? '')
  const message = read('message')
  return { subject, message: message === null ? null : tidy(message).trimEnd() }
}

function scopeOf(variables: object, locale: Locale): Record<string, unknown> {
  const given: Record<string, unknown> = Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value !== null),
  )
  return { ...given, locale, timezone: resolveTimeZone(given.timezone) }
}

/** Tags leave empty lines behind; in a text they show. */
function tidy(text: string): string {
  return `${text
    .replace(/[ \t]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`
}

function refuseVariables(given: unknown): Refused {
  const what = Array.isArray(given) ? 'an array' : `a ${typeof given}`
  return refuse({ errorClass: 'template_variables', reason: `variables must be a JSON object, not ${what}` })
}

function refuse({ errorClass, reason }: TemplateFault): Refused {
  return { kind: 'refused', errorClass, reason }
}
