import { isUnreachable } from '../../db/pool.ts'
import type { Check, CheckContext, Examination, Finding } from './check.ts'
import { driftCheck } from './drift-check.ts'
import { migrationsCheck } from './migrations-check.ts'
import { passwordsCheck } from './passwords-check.ts'

/** All that the doctor looks at, in this order. */
const checks: readonly Check[] = [migrationsCheck, driftCheck, passwordsCheck]

export interface Diagnosis {
  /** In the order of the checks. */
  readonly checks: readonly (Examination & { readonly name: string })[]
  readonly errors: number
  readonly warnings: number
}

/**
 * Runs every check. One that fails is a finding of its own and keeps none of the others from being made; only where the database is
 * gone there is nothing to say.
 */
export async function examineAll(context: CheckContext): Promise<Diagnosis> {
  const examined = []
  for (const check of checks) examined.push({ name: check.name, ...(await examineOne(check, context)) })
  const findings = examined.flatMap((examination) => examination.findings)
  const errors = findings.filter(({ severity }) => severity === 'error').length
  return { checks: examined, errors, warnings: findings.length - errors }
}

async function examineOne(check: Check, context: CheckContext): Promise<Examination> {
  try {
    return await check.examine(context)
  } catch (error) {
    if (!(error instanceof Error) || isUnreachable(error)) throw error
    return { findings: [failedFinding(error)], fine: undefined }
  }
}

function failedFinding({ message }: Error): Finding {
  return {
    severity: 'error',
    code: 'CHECK_FAILED',
    what: `this could not be looked at: ${message}`,
    why: 'Whatever is wrong with it stays unseen.',
    remedy: 'run fleet doctor as a role that may read all of the database',
  }
}
