/**
 * One text for what means the same, whichever version of PostgreSQL or whoever wrote it.
 */

/** A column's default: every way to number rows is `serial`, and the casts that PostgreSQL adds to constants are gone. */
export function normaliseDefault(expression: string | null): string | null {
  if (expression === null) return null
  if (/^nextval\('.*'::regclass\)$/.test(expression)) return 'serial'
  const bare = normaliseExpression(expression).replace(/^\((.*)\)::(character varying|text)$/, '$1')
  const constant = /^('(?:[^']|'')*')::(?:character varying|text|bpchar)(?:\(\d+\))?$/.exec(bare)
  if (constant?.[1] !== undefined) return constant[1]
  return /^(CURRENT_TIMESTAMP|transaction_timestamp\(\))$/.test(bare) ? 'now()' : bare
}

/** A constraint without what is said elsewhere, whether it has been validated. */
export function normaliseConstraint(definition: string): string {
  return normaliseExpression(definition).replace(/( NOT VALID| NOT ENFORCED)+$/, '')
}

/** An index without its name and table, which follow from where it stands. */
export function normaliseIndex(definition: string): string {
  return normaliseExpression(definition.slice(definition.indexOf(' USING ') + 1))
}

export function normaliseTrigger(definition: string): string {
  return normaliseExpression(definition).replace(/^(CREATE (?:CONSTRAINT )?TRIGGER) (?:"(?:[^"]|"")*"|\S+) /, '$1 ')
}

/** Line ends and what trails on a line carry no meaning. */
export function normaliseBody(body: string): string {
  return body
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .join('\n')
    .trim()
}

/** Servers before 16 qualify every column, also where a view reads a single table; later ones do not. */
export function normaliseView(definition: string): string {
  const text = normaliseExpression(definition.trim().replace(/;$/, ''))
  const single = /\n +FROM (?:ONLY )?(?:[\w"]+\.)?(\w+)(?: (?!WHERE\b|GROUP\b|ORDER\b|LIMIT\b)(\w+))?(?=\n|$)/.exec(
    text,
  )
  if (single === null || /\bJOIN\b|\bUNION\b|\bSELECT\b[\s\S]*\bSELECT\b/.test(text)) return text
  const alias = single[2] ?? single[1]
  return text.replace(new RegExp(`(?<![\\w.'])${alias}\\.(?=\\w)`, 'g'), '')
}

/** Servers before 14 print AT TIME ZONE as the function that it is. */
function normaliseExpression(expression: string): string {
  const call = /timezone\(('[^']*'::text), /.exec(expression)
  if (call === null) return expression
  const start = call.index + call[0].length
  const end = closingParenthesis(expression, start)
  const operand = normaliseExpression(expression.slice(start, end))
  const rest = normaliseExpression(expression.slice(end + 1))
  return `${expression.slice(0, call.index)}(${operand} AT TIME ZONE ${call[1]})${rest}`
}

/** Where the parenthesis that is open at `from` closes. */
function closingParenthesis(text: string, from: number): number {
  let depth = 1
  let position = from
  for (; position < text.length && depth > 0; position += 1) {
    if (text[position] === '(') depth += 1
    if (text[position] === ')') depth -= 1
  }
  return position - 1
}
