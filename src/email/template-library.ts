import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Liquid } from 'liquidjs'
import type { Locale } from './locale.ts'
import type { TemplateEngines } from './template-engine.ts'
import { explainTemplateFault, type TemplateFault } from './template-fault.ts'

type RenderPart = (scope: object) => string

/** The files of a template: three make a mail, `message` is for the other channels. */
export type TemplatePart = 'subject' | 'text' | 'html' | 'message'

/** One template in one language, parsed. Its functions throw what LiquidJS throws. */
export type MailTemplate = {
  /** `<id>/<locale>`, for messages. */
  readonly name: string
  readonly locale: Locale
  readonly subject: RenderPart
  readonly text: RenderPart
  readonly html: RenderPart | null
  readonly message: RenderPart | null
}

type Found = { readonly kind: 'found'; readonly template: MailTemplate } | ({ readonly kind: 'fault' } & TemplateFault)

export type TemplateLibrary = {
  /** The template in the first of `locales` that it has, else in any. Parsed once per process. */
  find(templateId: string, locales: readonly Locale[]): Found
}

const everyLocale: readonly Locale[] = ['ru', 'en']
const templateName = /^[a-z0-9_-]+$/

export function createTemplateLibrary(directory: string, engines: TemplateEngines): TemplateLibrary {
  const parsed = new Map<string, MailTemplate>()

  return {
    find(templateId, locales) {
      for (const locale of [...locales, ...everyLocale]) {
        const name = `${templateId}/${locale}`
        const known = parsed.get(name)
        if (known) return { kind: 'found', template: known }
        if (!templateName.test(templateId) || !existsSync(join(directory, name))) continue
        try {
          const template = parseTemplate(directory, { name, locale }, engines)
          parsed.set(name, template)
          return { kind: 'found', template }
        } catch (error) {
          return { kind: 'fault', ...explainTemplateFault(error, { name, directory }) }
        }
      }
      return { kind: 'fault', errorClass: 'template_unknown', reason: unknownReason(directory, templateId) }
    },
  }
}

function parseTemplate(
  directory: string,
  id: { name: string; locale: Locale },
  engines: TemplateEngines,
): MailTemplate {
  const file = (part: TemplatePart) => join(directory, id.name, `${part}.liquid`)
  const optional = (part: TemplatePart) => (existsSync(file(part)) ? parsePart(engines.markup, file(part)) : null)
  return {
    ...id,
    subject: parsePart(engines.plain, file('subject')),
    text: parsePart(engines.plain, file('text')),
    html: optional('html'),
    message: optional('message'),
  }
}

function parsePart(engine: Liquid, file: string): RenderPart {
  const template = engine.parse(readFileSync(file, 'utf8'), file)
  return (scope) => String(engine.renderSync(template, scope))
}

function unknownReason(directory: string, templateId: string): string {
  const names = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && templateName.test(entry.name))
    .map((entry) => entry.name)
    .sort()
  return `template ${JSON.stringify(templateId)} does not exist; there are ${names.join(', ') || 'none'}`
}
