import { surveyConfig } from '../../../src/config/config.ts'
import type { Examination, HostContext } from '../../../src/ops/doctor/check.ts'
import { createTxtResolver } from '../../../src/ops/doctor/dns-records.ts'

/** What the checks of a host look at where the environment is this, there is no `.env`, and names are asked for at `dns`. */
export function hostWith(env: Readonly<Record<string, string>> = {}, dns = '127.0.0.1:1'): HostContext {
  const { config, faults } = surveyConfig({ env, root: '/nonexistent' })
  return { config, faults, resolveTxt: createTxtResolver([dns]) }
}

/** `error SMTP_UNREACHABLE: what was found`, for each finding. */
export function told({ findings }: Examination): string[] {
  return findings.map(({ severity, code, what }) => `${severity} ${code}: ${what}`)
}
