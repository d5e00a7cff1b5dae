import { type Difference, type Finding, nothing, type Pair } from './finding.ts'
import type { Table, Trigger } from './table.ts'
import { createTrigger } from './table-ddl.ts'

/** Triggers by what they do; their names do not matter. */
export function compareTriggers({ wanted: table, live }: Pair<Table>): Finding[] {
  const spoken = new Set<Trigger>()
  const differences = table.triggers.flatMap((trigger): Difference[] => {
    const same = live.triggers.filter(({ definition }) => definition === trigger.definition)
    const best = same.find(({ enabled }) => enabled) ?? same[0]
    if (best !== undefined) {
      spoken.add(best)
      return best.enabled || !trigger.enabled ? [] : [disabled(table, best)]
    }
    const instead = live.triggers.find(({ name }) => name === trigger.name)
    if (instead !== undefined) spoken.add(instead)
    return [missing(table, trigger, instead)]
  })
  const extras = live.triggers.filter((trigger) => !spoken.has(trigger))
  return [...differences, ...extras.flatMap((trigger) => extraTrigger(table, trigger))]
}

function missing(table: Table, trigger: Trigger, instead: Trigger | undefined): Difference {
  return {
    object: labelOf(table, trigger),
    wanted: trigger.definition,
    found: instead?.definition ?? nothing,
    remedy: [...(instead === undefined ? [] : [dropTrigger(table, instead)]), createTrigger(trigger)],
  }
}

function disabled(table: Table, { name }: Trigger): Difference {
  return {
    object: `trigger ${name} on ${table.name}`,
    wanted: 'enabled',
    found: 'disabled',
    remedy: [`ALTER TABLE ${table.name} ENABLE TRIGGER ${name};`],
  }
}

function extraTrigger(table: Table, trigger: Trigger): Finding[] {
  const object = labelOf(table, trigger)
  if (table.schema === 'pgboss') return []
  if (table.schema !== 'fleet') return [{ object, note: null }]
  return [{ object, wanted: nothing, found: trigger.definition, remedy: [dropTrigger(table, trigger)] }]
}

function dropTrigger(table: Table, { name }: Trigger): string {
  return `DROP TRIGGER ${name} ON ${table.name};`
}

function labelOf(table: Table, { name }: Trigger): string {
  return `trigger ${name} on ${table.name}`
}
