import type { Grants } from './catalogue.ts'

export interface Table {
  readonly schema: string
  /** With its schema. */
  readonly name: string
  /** `RANGE (created_at)`; null where it is not partitioned. */
  readonly partitionedBy: string | null
  readonly defaultPartition: string | null
  /** Storage parameters, such as `fillfactor=80`. */
  readonly options: readonly string[]
  readonly rowSecurity: boolean
  readonly comment: string | null
  readonly grants: Grants
  readonly columns: readonly Column[]
  readonly constraints: readonly Constraint[]
  readonly indexes: readonly Index[]
  readonly triggers: readonly Trigger[]
  readonly policies: readonly Policy[]
}

export interface Column {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  /** `serial` for whatever a sequence numbers, be it by nextval or as an identity. */
  readonly default: string | null
  /** The sequence behind `serial`, except an identity's, which needs no rights of its own. */
  readonly sequence: { readonly name: string; readonly grants: Grants } | null
  /** The expression of a stored generated column. */
  readonly generated: string | null
  readonly comment: string | null
}

/** A foreign key, check or exclusion; keys and uniqueness are the indexes'. */
export interface Constraint {
  readonly name: string
  readonly definition: string
  readonly validated: boolean
}

export interface Index {
  readonly name: string
  readonly unique: boolean
  /** Method, columns and condition: `USING btree (prio, due_at, id) WHERE …`. */
  readonly definition: string
  readonly constraint: 'PRIMARY KEY' | 'UNIQUE' | null
  readonly valid: boolean
}

export interface Trigger {
  readonly name: string
  /** CREATE TRIGGER without the name. */
  readonly definition: string
  readonly enabled: boolean
}

export interface Policy {
  readonly name: string
  readonly permissive: boolean
  /** ALL, SELECT, INSERT, UPDATE or DELETE. */
  readonly command: string
  readonly roles: readonly string[]
  readonly using: string | null
  readonly check: string | null
}
