import type { UndefinedVariableError } from 'liquidjs'
import { liquid } from './late-modules.ts'
import { UnfitValue } from './template-filters.ts'

/** Why a template gives no mail. The row cannot be sent as it is. */
export interface TemplateFault {
  readonly errorClass: 'template_unknown' | 'template_variables' | 'template_broken'
  /** A sentence for an operator that names the template, and the variable where one is at fault. */
  readonly reason: string
}

/** Where a fault arose: `name` is `<id>/<locale>/<part>`, `directory` is left out of messages. */
interface TemplatePlace {
  readonly name: string
  readonly directory: string
}

const longestReason = 500

/** Turns what LiquidJS or the file system threw into a fault: of the row's variables, or of the template itself. */
export function explainTemplateFault(error: unknown, place: TemplatePlace): TemplateFault {
  const { RenderError, UndefinedVariableError } = liquid()
  if (error instanceof UndefinedVariableError) {
    const reason = `template ${place.name} needs the variable ${nameOfUndefined(error)}, which is not given`
    return { errorClass: 'template_variables', reason }
  }
  if (error instanceof RenderError) {
    const cause = error.originalError
    if (cause instanceof UnfitValue) {
      const reason = `template ${place.name}: ${expressionIn(error.token.getText())}: ${cause.message}`
      return { errorClass: 'template_variables', reason }
    }
    if (cause?.message.endsWith('limit exceeded')) {
      return {
        errorClass: 'template_variables',
        reason: `template ${place.name}: the variables are too large: ${cause.message}`,
      }
    }
  }
  const said = error instanceof Error ? error.message : String(error)
  const firstLine =
    said.replaceAll(`${place.directory}/`, '').replaceAll(place.directory, 'templates').split('\n', 1)[0] ?? ''
  return {
    errorClass: 'template_broken',
    reason: `template ${place.name} is broken: ${firstLine.slice(0, longestReason)}`,
  }
}

function nameOfUndefined(error: UndefinedVariableError): string {
  const cause: unknown = error.originalError
  if (cause instanceof Error && 'variableName' in cause) return String(cause.variableName)
  return error.token.getText()
}

/** `ends_at` of `{{ ends_at | local_time }}` or `{% assign end = ends_at | local_time %}`. */
function expressionIn(tag: string): string {
  const inside = tag.replace(/^\{[{%]-?\s*|\s*-?[}%]\}$/g, '')
  const expression = inside.replace(/^(?:assign|echo)\s+(?:[\w-]+\s*=\s*)?/, '')
  return expression.split('|', 1)[0]?.trim() ?? inside
}
