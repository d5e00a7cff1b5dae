import type { Grants, Routine, View } from './catalogue.ts'

/** The statements that make what stands beside the tables. */

export function createRoutine(routine: Routine): string {
  const { kind, arguments: given, result, language, attributes, settings, body } = routine
  const name = routine.name.slice(0, routine.name.indexOf('('))
  const quote = body.includes('$$') ? '$body$' : '$$'
  const parts = [
    `CREATE OR REPLACE ${kind} ${name}(${given})`,
    ...(result === null ? [] : [`RETURNS ${result}`]),
    `LANGUAGE ${language}`,
    ...attributes,
    ...settings.map((setting) => `SET ${setting.replace('=', ' TO ')}`),
    `AS ${quote}${body.startsWith('\n') ? '' : '\n'}${body}\n${quote};`,
  ]
  return parts.join(' ')
}

export function createView(view: View): string {
  const options = view.securityInvoker ? ' WITH (security_invoker = true)' : ''
  return `CREATE OR REPLACE VIEW ${view.name}${options} AS ${view.definition.trim()};`
}

/** `target` is TABLE, SEQUENCE, FUNCTION … and a name. */
export function grant(target: string, grants: Grants): string[] {
  return Object.entries(grants)
    .filter(([, privileges]) => privileges.length > 0)
    .map(([role, privileges]) => `GRANT ${privileges.join(', ')} ON ${target} TO ${role};`)
}

export function revoke(target: string, grants: Grants): string[] {
  return Object.entries(grants)
    .filter(([, privileges]) => privileges.length > 0)
    .map(([role, privileges]) => `REVOKE ${privileges.join(', ')} ON ${target} FROM ${role};`)
}

/** None where there is no comment. */
export function comment(target: string, text: string | null): string[] {
  return text === null ? [] : [`COMMENT ON ${target} IS '${text.replaceAll("'", "''")}';`]
}
