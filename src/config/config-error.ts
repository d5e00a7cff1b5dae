/** What is wrong with one variable. */
export interface ConfigFault {
  readonly variable: string
  /** What was given, ready to print: quoted and cut, a secret masked, or `nothing`. */
  readonly given: string
  /** Where it was given: `the environment`, or the path of a file. Absent when nothing was given. */
  readonly source?: string
  /** What would be right, after "expected". */
  readonly expected: string
  /** What is wrong with it, after "which", where the expectation alone does not say. */
  readonly reason?: string
}

/** The configuration cannot be used. It names every fault at once; a process that meets it exits with status 78 (EX_CONFIG). */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
  readonly faults: readonly ConfigFault[]
  readonly warnings: readonly string[]

  /** `warnings` are those that a valid configuration would have carried: a misspelt name often explains a missing variable. */
  constructor(faults: readonly ConfigFault[], warnings: readonly string[] = []) {
    super(formatFaults(faults, warnings))
    this.faults = faults
    this.warnings = warnings
  }

  /** For a terminal: a line or two for each fault, no secrets. */
  format(): string {
    return this.message
  }
}

function formatFaults(faults: readonly ConfigFault[], warnings: readonly string[]): string {
  return [
    faults.length === 1 ? 'The configuration has a fault:' : `The configuration has ${faults.length} faults:`,
    ...faults.map(formatFault),
    ...warnings.map((warning) => `  Note: ${warning}`),
    'docs/config.md describes every variable.',
  ].join('\n')
}

function formatFault({ variable, given, source, expected, reason }: ConfigFault): string {
  const where = source === undefined ? '' : ` (in ${source})`
  const why = reason === undefined ? '' : `, which ${reason}`
  return `  ${variable}: given ${given}${where}${why};\n    expected ${expected}`
}
