import type { Column, Constraint, Index, Policy, Table, Trigger } from './table.ts'

/** The statements that make what a table consists of. What can be done while others write is done so. */

export function columnDefinition(column: Column): string {
  const { name, type, notNull, generated } = column
  if (column.default === 'serial') return `${name} ${serialTypes[type] ?? type}`
  const value = column.default === null ? '' : ` DEFAULT ${column.default}`
  const computed = generated === null ? '' : ` GENERATED ALWAYS AS (${generated}) STORED`
  return `${name} ${type}${value}${computed}${notNull ? ' NOT NULL' : ''}`
}

const serialTypes: Readonly<Record<string, string>> = {
  smallint: 'smallserial',
  integer: 'serial',
  bigint: 'bigserial',
}

/** The table with its columns, its default partition and its storage parameters; what else it has stands on it. */
export function createTable({ name, columns, partitionedBy, defaultPartition, options }: Table): string[] {
  const partitioning = partitionedBy === null ? '' : ` PARTITION BY ${partitionedBy}`
  const storage = options.length === 0 ? '' : ` WITH (${options.join(', ')})`
  const create = `CREATE TABLE ${name} (${columns.map(columnDefinition).join(', ')})${partitioning}${storage};`
  return defaultPartition === null ? [create] : [create, createDefaultPartition(name, defaultPartition)]
}

export function createDefaultPartition(table: string, partition: string): string {
  return `CREATE TABLE ${partition} PARTITION OF ${table} DEFAULT;`
}

/** Without holding up writers, which a partitioned table does not offer. A constraint is put on an index that has been built. */
export function createIndex(table: Table, { name, unique, definition, constraint }: Index): string[] {
  const partitioned = table.partitionedBy !== null
  if (partitioned && constraint !== null) {
    const columns = definition.slice(definition.indexOf('('))
    return [`ALTER TABLE ${table.name} ADD CONSTRAINT ${name} ${constraint} ${columns};`]
  }
  const concurrently = partitioned ? '' : ' CONCURRENTLY'
  const create = `CREATE${unique ? ' UNIQUE' : ''} INDEX${concurrently} ${name} ON ${table.name} ${definition};`
  if (constraint === null) return [create]
  return [create, `ALTER TABLE ${table.name} ADD CONSTRAINT ${name} ${constraint} USING INDEX ${name};`]
}

export function dropIndex(table: Table, { name, constraint }: Index): string {
  if (constraint !== null) return `ALTER TABLE ${table.name} DROP CONSTRAINT ${name};`
  return `DROP INDEX${table.partitionedBy === null ? ' CONCURRENTLY' : ''} ${table.schema}.${name};`
}

/** Rows that are there already are read in a second step, which writers do not wait for. */
export function addConstraint(table: Table, { name, definition }: Constraint, instead?: Constraint): string[] {
  const drop = instead === undefined ? '' : ` DROP CONSTRAINT ${instead.name},`
  const isForeignKey = definition.startsWith('FOREIGN KEY')
  const atOnce = (isForeignKey && table.partitionedBy !== null) || !(isForeignKey || definition.startsWith('CHECK'))
  const add = `ALTER TABLE ${table.name}${drop} ADD CONSTRAINT ${name} ${definition}`
  return atOnce ? [`${add};`] : [`${add} NOT VALID;`, validateConstraint(table, name)]
}

export function validateConstraint(table: Table, name: string): string {
  return `ALTER TABLE ${table.name} VALIDATE CONSTRAINT ${name};`
}

export function createTrigger({ name, definition }: Trigger): string {
  return `${definition.replace(/^CREATE (CONSTRAINT )?TRIGGER /, (start) => `${start}${name} `)};`
}

export function createPolicy(table: Table, policy: Policy): string {
  const { name, permissive, command, roles, using, check } = policy
  const parts = [
    `CREATE POLICY ${name} ON ${table.name}`,
    ...(permissive ? [] : ['AS RESTRICTIVE']),
    `FOR ${command} TO ${roles.join(', ')}`,
    ...(using === null ? [] : [`USING (${using})`]),
    ...(check === null ? [] : [`WITH CHECK (${check})`]),
  ]
  return `${parts.join(' ')};`
}
