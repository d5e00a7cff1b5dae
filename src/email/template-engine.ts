import type { Liquid, LiquidOptions } from 'liquidjs'
import { escapeHtml } from './escape-html.ts'
import { liquid } from './late-modules.ts'
import { printable, registerTemplateFilters } from './template-filters.ts'

/** Two engines over one directory: `plain` writes values as they are, `markup` escapes them for HTML. */
export type TemplateEngines = { readonly plain: Liquid; readonly markup: Liquid }

/**
 * Strict LiquidJS engines. A variable that is not given is an error, except as a condition; what an object inherits
 * does not exist. The limits (characters, milliseconds, allocations) end a render that hostile variables drag out.
 */
export function createTemplateEngines(directory: string): TemplateEngines {
  const options: LiquidOptions = {
    root: directory,
    cache: true,
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    parseLimit: 1_000_000,
    renderLimit: 2_000,
    memoryLimit: 10_000_000,
  }
  const { Liquid } = liquid()
  const plain = new Liquid({ ...options, outputEscape: printable })
  const markup = new Liquid({ ...options, outputEscape: (value: unknown) => escapeHtml(printable(value)) })
  for (const engine of [plain, markup]) registerTemplateFilters(engine)
  return { plain, markup }
}
