import { fileURLToPath } from 'node:url'
import { type Locale, resolveLocale, resolveTimeZone } from './locale.ts'
import { oneLine } from './one-line.ts'
import { createTemplateEngines } from './template-engine.ts'
import { explainTemplateFault, type TemplateFault } from './template-fault.ts'
import { createTemplateLibrary, type MailTemplate, type TemplateLibrary } from './template-library.ts'

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
  | ({ readonly kind: 'refused' } & TemplateFault)

/** Renders the templates that ship with the fleet. They are read once per process. */
export const renderTemplate = createRenderer(fileURLToPath(new URL('./templates', import.meta.url)))

/**
 * A renderer of the templates in `directory`, laid out as `<id>/{ru,en}/{subject,text,html}.liquid`. It never throws
 * over what a row or a template holds. The language is that of `variables.locale`, else the default, else the one
 * that the template has. A null among the variables counts as not given. The subject is one line.
 */
export function createRenderer(directory: string): (request: RenderRequest) => Rendered {
  let library: TemplateLibrary | undefined

  return ({ templateId, variables, defaultLocale }) => {
    const given = variables ?? {}
    if (typeof given !== 'object' || Array.isArray(given)) return refuseVariables(given)
    const wanted = resolveLocale('locale' in given ? given.locale : undefined, defaultLocale)
    library ??= createTemplateLibrary(directory, createTemplateEngines(directory))
    const found = library.find(templateId, [wanted, defaultLocale])
    if (found.kind === 'fault') return { kind: 'refused', errorClass: found.errorClass, reason: found.reason }
    return renderParts(found.template, given, directory)
  }
}

function renderParts(template: MailTemplate, variables: object, directory: string): Rendered {
  const scope = scopeOf(variables, template.locale)
  let part = 'subject'
  try {
    const subject = oneLine(template.subject(scope))
    part = 'text'
    const text = tidy(template.text(scope))
    part = 'html'
    return { kind: 'rendered', subject, text, html: template.html?.(scope) ?? null }
  } catch (error) {
    return { kind: 'refused', ...explainTemplateFault(error, { name: `${template.name}/${part}`, directory }) }
  }
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

function refuseVariables(given: unknown): Rendered {
  const what = Array.isArray(given) ? 'an array' : `a ${typeof given}`
  return { kind: 'refused', errorClass: 'template_variables', reason: `variables must be a JSON object, not ${what}` }
}
