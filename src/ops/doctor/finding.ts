/** Something that a check has found to be wrong. */
export interface Finding {
  /** An error wants to be mended now; a warning may be as it should be. */
  readonly severity: 'error' | 'warning'
  /** For programs: `DEFAULT_PASSWORD`. */
  readonly code: string
  /** What is wrong, with names and counts: a clause. */
  readonly what: string
  /** Why that matters: a sentence. */
  readonly why: string
  /** The command that mends it, or what to do where no command does. */
  readonly remedy: string
}

/** What can be found under one code, as docs/operations/doctor.md tells of it. */
export interface FindingKind {
  readonly severity: Finding['severity']
  /** What is wrong, in general: a clause. */
  readonly what: string
  readonly why: string
  /** For every finding that has none of its own. */
  readonly remedy: string
}

/** By their codes, which are unique among all checks. */
export type FindingKinds<Code extends string = string> = Readonly<Record<Code, FindingKind>>

/** Makes findings of these kinds: `found('DEFAULT_PASSWORD', { what: 'ann@example.org logs in with it' })`. */
export function findingsOf<Code extends string>(kinds: FindingKinds<Code>) {
  return (code: Code, { what, remedy }: { readonly what: string; readonly remedy?: string }): Finding => {
    const { severity, why, remedy: usual } = kinds[code]
    return { severity, code, what, why, remedy: remedy ?? usual }
  }
}

/** `a, b, c and 2 more`. */
export function listSome(names: readonly string[], most = 3): string {
  const rest = names.length - most
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ')
}

/** `2026-11-22 14:05 UTC`. */
export function formatMoment(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
