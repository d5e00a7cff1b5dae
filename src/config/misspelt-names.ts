import { editDistance } from '../runtime/edit-distance.ts'
import { variableNames, variables } from './variables.ts'

const known: ReadonlySet<string> = new Set<string>(variableNames)
const asFiles = variableNames.filter((name) => variables[name].secret).map((name) => `${name}_FILE`)
const candidates: readonly string[] = [...variableNames, ...asFiles]

/** Two letters may differ: `EMAIL_CONCURENCY`, `SMTP_UR`; more and names of other programs (`SMTP_USER`) would be taken for ours. */
const mostEdits = 2

/** A warning for every given name that is none of the fleet's but looks like one, and for `NAME_FILE` of what is not a secret. */
export function warnOfMisspeltNames(names: ReadonlyMap<string, string>): string[] {
  return [...names].flatMap(([name, source]) => {
    if (candidates.includes(name)) return []
    const whole = name.replace(/_FILE$/, '')
    if (known.has(whole))
      return [`${name} (in ${source}) is not read: only secrets are read from files; give ${whole} itself`]
    const near = nearestName(name)
    return near === undefined ? [] : [`${name} (in ${source}) is not a variable of the fleet; did you mean ${near}?`]
  })
}

function nearestName(name: string): string | undefined {
  const wanted = name.toUpperCase()
  const near = candidates
    .map((candidate) => ({ candidate, edits: editDistance(wanted, candidate) }))
    .filter(({ edits }) => edits <= mostEdits)
  return near.sort((a, b) => a.edits - b.edits)[0]?.candidate
}
