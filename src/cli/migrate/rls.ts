import type { Kysely } from 'kysely'
import type { DB } from '../../db/schema.ts'
import {
  applyRoles,
  disableRowSecurity,
  enableRowSecurity,
  listSightLosses,
  type RowSecurity,
  readRowSecurity,
  type SightLoss,
} from '../../ops/row-security.ts'
import { readKeptSight } from '../../ops/row-sight.ts'
import type { Answer } from '../answer.ts'
import { CliError } from '../cli-error.ts'
import { type ConsentOptions, requireSomebody, requireYes } from '../consent.ts'
import { exitStatus } from '../exit-status.ts'
import type { Screen } from '../screen.ts'
import type { Session } from '../session.ts'
import { renderTable } from '../table.ts'
import { countOf } from '../words.ts'
import { describeKeptSight } from './kept-sight.ts'

export interface EnableOptions extends ConsentOptions {
  readonly force?: boolean
}

export async function showRowSecurity(session: Session): Promise<Answer> {
  const db = await open(session)
  const security = await readRowSecurity(db)
  const losses = await listSightLosses(db, { force: false })
  const kept = await readKeptSight(db, { force: false })
  return {
    document: { ...security, wouldLoseSight: losses, ...kept },
    text: (screen) =>
      [renderSecurity(security, screen), describeLosses(losses, screen), ...describeKeptSight(kept, screen)].join('\n'),
  }
}

/** First names who would lose sight, and wants a yes where somebody would. */
export async function enable(session: Session, options: EnableOptions): Promise<Answer> {
  const force = options.force === true
  const db = await open(session)
  if (options.dryRun !== true) await applyRoles(db)
  const before = await readRowSecurity(db)
  requireRoles(before)
  const losses = await listSightLosses(db, { force })
  if (options.dryRun !== true) {
    await consent(session, losses, options)
    await session.progress('Switching row-level security on', () => enableRowSecurity(db, { force }))
  }
  const kept = await readKeptSight(db, { force })
  const off = before.tables.filter((table) => !table.enabled || (force && !table.forced)).map(({ table }) => table)
  return {
    document: { dryRun: options.dryRun === true, force, switchedOn: off, losesSight: losses, ...kept },
    text: (screen) =>
      [
        describeSwitching(off, 'on', options.dryRun === true),
        describeLosses(losses, screen),
        ...describeKeptSight(kept, screen),
      ].join('\n'),
  }
}

export async function disable(session: Session, { dryRun = false }: { readonly dryRun?: boolean }): Promise<Answer> {
  const db = await open(session)
  const { tables } = await readRowSecurity(db)
  const ours = tables.filter(({ switchedOnByFleet }) => switchedOnByFleet).map(({ table }) => table)
  const others = tables.filter(({ enabled, switchedOnByFleet }) => enabled && !switchedOnByFleet)
  if (!dryRun) await session.progress('Switching row-level security off', () => disableRowSecurity(db))
  const left = others.map(({ table }) => table)
  const rest = left.length === 0 ? '' : `\nStays on where it was on before the fleet came: ${left.join(', ')}`
  return {
    document: { dryRun, switchedOff: ours, left },
    text: () => `${describeSwitching(ours, 'off', dryRun)}${rest}`,
  }
}

function open(session: Session): Promise<Kysely<DB>> {
  return session.openDatabase({ direct: true })
}

/** Without the roles there are no policies, and whoever is not an owner would see nothing at all. */
function requireRoles({ missingRoles }: RowSecurity): void {
  if (missingRoles.length === 0) return
  throw new CliError(`roles are missing, and this user may not create them: ${missingRoles.join(', ')}`, {
    code: 'ROLES_MISSING',
    hint: `have them created: ${missingRoles.map((role) => `CREATE ROLE ${role} NOLOGIN;`).join(' ')}`,
    exitStatus: exitStatus.failed,
  })
}

async function consent(session: Session, losses: readonly SightLoss[], options: ConsentOptions): Promise<void> {
  if (losses.length === 0 || options.yes === true) return
  session.say(describeLosses(losses, session.screen))
  const roles = new Set(losses.map(({ role }) => role)).size
  requireSomebody(session, options, `${countOf(roles, 'role')} would lose sight of rows`)
  await requireYes(session, options, 'Go on?')
}

function describeSwitching(tables: readonly string[], word: 'on' | 'off', dryRun: boolean): string {
  if (tables.length === 0) return `Nothing to do: row-level security is ${word} already.`
  return `${dryRun ? 'Would switch' : 'Switched'} row-level security ${word}: ${tables.join(', ')}`
}

function describeLosses(losses: readonly SightLoss[], screen: Screen): string {
  if (losses.length === 0) return 'No role loses sight of rows that it has a right to.'
  const rows = losses.map(({ role, relation, commands }) => [
    { text: role },
    { text: relation },
    { text: commands.join(', ') },
  ])
  const table = renderTable([{ title: 'ROLE' }, { title: 'WITHOUT A ROW OF' }, { title: 'FOR' }], rows, screen)
  return `These have rights, and no policy that shows them rows:\n${table}They need membership of one of the fleet's roles, a policy of their own, or BYPASSRLS.`
}

function renderSecurity({ missingRoles, tables }: RowSecurity, screen: Screen): string {
  const rows = tables.map(({ table, enabled, forced, switchedOnByFleet, policies, otherPolicies }) => [
    { text: table },
    enabled
      ? { text: forced ? 'on, for owners too' : 'on', paint: screen.colors.green }
      : { text: 'off', paint: screen.colors.yellow },
    { text: enabled ? (switchedOnByFleet ? 'the fleet' : 'somebody else') : '' },
    { text: [...policies, ...otherPolicies].join(', ') },
  ])
  const titles = [{ title: 'TABLE' }, { title: 'ROW SECURITY' }, { title: 'BY' }, { title: 'POLICIES' }]
  const missing = missingRoles.length === 0 ? '' : `Roles that do not exist: ${missingRoles.join(', ')}\n`
  return `${renderTable(titles, rows, screen)}${missing}`
}
