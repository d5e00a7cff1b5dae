/**
 * What of an error's own fields is logged: the kind of fault and where it happened. The rest may hold secrets (`input` of an invalid
 * URL) or customers' data (`detail` of a PostgreSQL error quotes the row), so it is named here or left out.
 */
const loggedFields = [
  ...['code', 'errno', 'syscall', 'address', 'port', 'path', 'signal'],
  ...['responseCode', 'response', 'command'],
  ...['severity', 'schema', 'table', 'column', 'constraint', 'position', 'hint', 'routine'],
]

const deepestCause = 6
const mostErrors = 10
const textCharacters = 4_000

/**
 * An error as a plain object for the log: type, message, stack, code and the like, its cause and the errors it gathers.
 * Anything else is returned as it is. Long texts are cut.
 */
export function serializeError(error: unknown): unknown {
  return serialize(error, deepestCause)
}

function serialize(error: unknown, depth: number): unknown {
  if (!(error instanceof Error)) return error
  const gathered = error instanceof AggregateError ? error.errors.slice(0, mostErrors) : []
  return {
    type: error.name === 'Error' ? error.constructor.name : error.name,
    message: cut(error.message),
    ...Object.fromEntries(Object.entries(error).filter(isLogged)),
    ...(error.stack !== undefined && { stack: cut(error.stack) }),
    ...(error.cause !== undefined && { cause: depth === 0 ? '[too deep]' : causeOf(error.cause, depth) }),
    ...(gathered.length > 0 && {
      errors: depth === 0 ? '[too deep]' : gathered.map((one) => serialize(one, depth - 1)),
    }),
  }
}

/** A cause that is no error may be anything, and hold anything. */
function causeOf(cause: unknown, depth: number): unknown {
  if (cause instanceof Error) return serialize(cause, depth - 1)
  return typeof cause === 'object' ? '[not an error]' : cut(String(cause))
}

function isLogged([name, value]: [string, unknown]): boolean {
  return loggedFields.includes(name) && ['string', 'number', 'boolean'].includes(typeof value)
}

function cut(text: string): string {
  return text.length > textCharacters ? `${text.slice(0, textCharacters)}…` : text
}
