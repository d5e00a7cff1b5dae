import { type Difference, pair } from '../catalogue/finding.ts'
import { compareEnums } from '../catalogue/object-comparison.ts'
import type { Scene } from './preflight.ts'

/** Types that lack labels, and a function of a wanted name that is another thing. */
export function findObjects({ platform, live }: Scene): Difference[] {
  const found = {
    ...platform,
    enums: platform.enums.filter(({ name }) => live.enums.some((other) => other.name === name)),
  }
  const labels = compareEnums(found, live).filter((finding) => 'remedy' in finding)
  const routines = platform.routines.filter(({ schema }) => schema === 'public')
  const others = pair(routines, live.routines, ({ name }) => name).both.filter(
    ({ wanted, live: there }) => wanted.result !== there.result || wanted.kind !== there.kind,
  )
  return [
    ...labels,
    ...others.map(({ wanted, live: there }) => ({
      object: `${there.kind.toLowerCase()} ${there.name}`,
      wanted: `a function that returns ${wanted.result}`,
      found: `one that returns ${there.result}`,
      remedy: [`ALTER ${there.kind} ${there.name} RENAME TO ${nameOf(there.name)}_before_fleet;`],
    })),
  ]
}

function nameOf(signature: string): string {
  return signature.replace(/^[^.]*\./, '').replace(/\(.*/, '')
}
