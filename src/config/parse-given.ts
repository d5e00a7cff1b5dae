import type { ConfigFault } from './config-error.ts'
import { maskSecret, quoteGiven } from './show-given.ts'
import type { Given } from './sources.ts'
import { type Values, type VariableName, variableNames, variables } from './variables.ts'

/** Reads what is given, or else the default, of every variable. One with a fault has its default, too. */
export function parseGiven(given: ReadonlyMap<VariableName, Given>): { values: Values; faults: ConfigFault[] } {
  const values: Partial<Record<VariableName, unknown>> = {}
  const faults: ConfigFault[] = []
  for (const name of variableNames) {
    const variable = variables[name]
    const found = given.get(name)
    const text = found?.text ?? variable.default
    if (text === undefined) continue
    const result = variable.schema.safeParse(text)
    if (result.success) {
      values[name] = result.data
      continue
    }
    faults.push({ ...faultOf(name, text), ...(found && { source: found.source }), ...reasonIn(result.error.issues) })
    if (variable.default !== undefined) values[name] = variable.schema.parse(variable.default)
  }
  // Each value was made by the schema that its type is taken from.
  return { values: values as Values, faults }
}

function faultOf(name: VariableName, text: string): ConfigFault {
  const variable = variables[name]
  return {
    variable: name,
    given: variable.secret ? maskSecret(text) : quoteGiven(text),
    expected: variable.schema.description?.replaceAll('`', '') ?? 'another value',
  }
}

function reasonIn(issues: readonly { code?: string | undefined; message: string }[]): { reason?: string } {
  const issue = issues.find(({ code }) => code === 'custom')
  return issue === undefined ? {} : { reason: issue.message }
}
