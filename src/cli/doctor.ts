import { type Config, surveyConfig } from '../config/config.ts'
import type { ConfigFault } from '../config/config-error.ts'
import { createTxtResolver } from '../ops/doctor/dns-records.ts'
import { type DatabaseAccess, type Diagnosis, databaseLanes, examineAll } from '../ops/doctor/examine.ts'
import { type Finding, listSome } from '../ops/doctor/finding.ts'
import type { Answer } from './answer.ts'
import { CliError } from './cli-error.ts'
import { exitStatus } from './exit-status.ts'
import { printable } from './printable.ts'
import type { Screen } from './screen.ts'
import type { Session } from './session.ts'
import { countOf } from './words.ts'

/** Below what a check has altogether, so that the server gives up first. */
const statementTimeoutMs = 9_000

export async function showDiagnosis(session: Session): Promise<Answer> {
  const { config, faults } = surveyConfig()
  const database = await reachDatabase(session, config, faults)
  const host = { config, faults, resolveTxt: createTxtResolver() }
  const diagnosis = await session.progress('Looking', (tell) =>
    examineAll({ host, database, onProgress: (underWay) => tell(`Looking at ${listSome(underWay)}`) }),
  )
  return {
    document: toDocument(diagnosis),
    text: (screen) => render(diagnosis, screen),
    exitStatus: diagnosis.errors > 0 ? exitStatus.found : exitStatus.done,
  }
}

/** Where the database is out of reach, or nobody can say which one is meant, that is a finding, and no end. */
async function reachDatabase(
  session: Session,
  config: Config,
  faults: readonly ConfigFault[],
): Promise<DatabaseAccess> {
  const unclear = faults.find(({ variable }) => /^(\.env|DATABASE_(DIRECT_)?URL.*)$/.test(variable))
  if (unclear !== undefined && config.database.url === undefined) {
    return {
      obstacle: `nobody can say which one is meant: ${unclear.variable} has a fault`,
      remedy: 'correct that first',
    }
  }
  try {
    return { db: await session.openDatabase({ unmigrated: true, config, max: databaseLanes, statementTimeoutMs }) }
  } catch (error) {
    if (!(error instanceof CliError) || error.exitStatus !== exitStatus.unreachable) throw error
    return { obstacle: error.message, remedy: error.hint ?? '' }
  }
}

function toDocument({ checks, errors, warnings }: Diagnosis): object {
  return {
    errors,
    warnings,
    findings: checks.flatMap(({ name, findings }) => findings.map((finding) => ({ check: name, ...finding }))),
    checks: checks.map(({ name, fine, skipped }) => ({ name, fine: fine ?? null, skipped: skipped ?? null })),
  }
}

const indent = ' '.repeat(9)

/** The worst first, then what is fine in one line for each check, then what was not looked at, by the reason. */
function render({ checks, errors, warnings }: Diagnosis, screen: Screen): string {
  const { colors } = screen
  const told = (severity: Finding['severity'], paint: (text: string) => string) =>
    checks.flatMap(({ name, findings }) =>
      findings
        .filter((finding) => finding.severity === severity)
        .map((finding) => renderFinding(name, finding, { screen, paint })),
    )
  const lines = checks.flatMap(({ name, fine }) =>
    fine === undefined ? [] : [`${colors.green('fine'.padEnd(indent.length))}${name}: ${printable(fine)}`],
  )
  const reasons = Map.groupBy(
    checks.filter(({ skipped }) => skipped !== undefined),
    ({ skipped }) => skipped ?? '',
  )
  const skipped = [...reasons].map(
    ([reason, group]) =>
      `${colors.dim('skipped'.padEnd(indent.length))}${group.map(({ name }) => name).join(', ')}: ${printable(reason)}`,
  )
  const total =
    errors + warnings === 0 ? 'Nothing is wrong.' : `${countOf(errors, 'error')}, ${countOf(warnings, 'warning')}.`
  return [...told('error', colors.red), ...told('warning', colors.yellow), ...lines, ...skipped, '', total].join('\n')
}

interface Look {
  readonly screen: Screen
  readonly paint: (text: string) => string
}

function renderFinding(check: string, { severity, what, why, remedy }: Finding, { screen, paint }: Look): string {
  return [
    `${paint(severity.padEnd(indent.length))}${check}: ${printable(what)}`,
    `${indent}${printable(why)}`,
    `${indent}To mend it: ${screen.colors.bold(printable(remedy))}`,
    '',
  ].join('\n')
}
