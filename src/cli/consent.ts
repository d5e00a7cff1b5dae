import { CliError, usageError } from './cli-error.ts'
import { exitStatus } from './exit-status.ts'
import type { Session } from './session.ts'

export interface ConsentOptions {
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Ends a command that would have to ask where nobody is there to answer, before it has looked at anything. */
export function requireSomebody(session: Session, { dryRun, yes }: ConsentOptions, what: string): void {
  if (yes === true || dryRun === true || session.isInteractive) return
  throw usageError(
    `${what}, and without a terminal nobody can be asked`,
    'give --yes to do it, --dry-run to see what it would do',
  )
}

/** Goes on with a yes only. */
export async function requireYes(session: Session, { yes }: ConsentOptions, question: string): Promise<void> {
  if (yes === true || (await session.ask(question))) return
  throw new CliError('nothing was changed', { code: 'DECLINED', exitStatus: exitStatus.failed })
}
