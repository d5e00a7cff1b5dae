import type { Table } from './table.ts'

/**
 * What a database holds, in a form that two servers of different versions agree on. Names are qualified and quoted where SQL
 * demands it; lists are in a stable order. It holds schemas `public`, `fleet` and `pgboss`, without what extensions own and without
 * the partitions that come and go; a default partition is named by its parent.
 */
export interface Catalogue {
  /** Of the server, 12 or later. */
  readonly major: number
  /** Those of the fleet's roles that exist. */
  readonly roles: readonly string[]
  readonly schemas: readonly Schema[]
  readonly extensions: readonly string[]
  readonly enums: readonly { readonly name: string; readonly labels: readonly string[] }[]
  readonly tables: readonly Table[]
  readonly views: readonly View[]
  readonly routines: readonly Routine[]
  readonly sequences: readonly Sequence[]
  /** Of pg-boss's schema; null where it is not installed or may not be read. */
  readonly pgBossVersion: number | null
  /** Tables whose row-level security the fleet has switched on, not a platform; none where that may not be read. */
  readonly switchedOn: readonly string[]
}

/** Privileges by role, for PUBLIC and the fleet's roles: `SELECT`, or `UPDATE (status)` for a column; OWNERSHIP for an owner. */
export type Grants = Readonly<Record<string, readonly string[]>>

export interface Schema {
  readonly name: string
  readonly comment: string | null
  readonly grants: Grants
}

export interface View {
  readonly schema: string
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly definition: string
  /** Whether it reads with its reader's rights; no server before 15 can. */
  readonly securityInvoker: boolean
  readonly comment: string | null
  readonly grants: Grants
}

export interface Routine {
  readonly schema: string
  /** With the types of its arguments. */
  readonly name: string
  readonly kind: 'FUNCTION' | 'PROCEDURE'
  readonly arguments: string
  readonly result: string | null
  readonly language: string
  /** VOLATILE SECURITY DEFINER …, as in CREATE FUNCTION. */
  readonly attributes: readonly string[]
  /** `search_path=fleet`, as pg_proc has them. */
  readonly settings: readonly string[]
  readonly body: string
  readonly comment: string | null
  readonly grants: Grants
}

/** One that belongs to no column. */
export interface Sequence {
  readonly schema: string
  readonly name: string
  readonly grants: Grants
}
