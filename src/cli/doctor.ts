import type { Finding } from '../ops/doctor/check.ts'
import { type Diagnosis, examineAll } from '../ops/doctor/examine.ts'
import type { Answer } from './answer.ts'
import { exitStatus } from './exit-status.ts'
import { printable } from './printable.ts'
import type { Screen } from './screen.ts'
import type { Session } from './session.ts'
import { countOf } from './words.ts'

export async function showDiagnosis(session: Session): Promise<Answer> {
  const db = await session.openDatabase({ unmigrated: true })
  const diagnosis = await session.progress('Looking', () => examineAll({ db }))
  return {
    document: toDocument(diagnosis),
    text: (screen) => render(diagnosis, screen),
    exitStatus: diagnosis.errors > 0 ? exitStatus.found : exitStatus.done,
  }
}

function toDocument({ checks, errors, warnings }: Diagnosis): object {
  return {
    errors,
    warnings,
    findings: checks.flatMap(({ name, findings }) => findings.map((finding) => ({ check: name, ...finding }))),
    checks: checks.map(({ name, fine }) => ({ name, fine: fine ?? null })),
  }
}

const indent = ' '.repeat(9)

/** The worst first, and what is fine in one line for each check. */
function render({ checks, errors, warnings }: Diagnosis, screen: Screen): string {
  const { colors } = screen
  const told = (severity: Finding['severity'], paint: (text: string) => string) =>
    checks.flatMap(({ name, findings }) =>
      findings
        .filter((finding) => finding.severity === severity)
        .map((finding) => renderFinding(name, finding, { screen, paint })),
    )
  const lines = checks.flatMap(({ name, fine }) =>
    fine === undefined ? [] : [`${colors.green('fine'.padEnd(indent.length))}${name}: ${fine}`],
  )
  const total =
    errors + warnings === 0 ? 'Nothing is wrong.' : `${countOf(errors, 'error')}, ${countOf(warnings, 'warning')}.`
  return [...told('error', colors.red), ...told('warning', colors.yellow), ...lines, '', total].join('\n')
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
