import type { Command } from 'commander'
import type { SubscriptionKind } from '../../ops/why/subscription-facts.ts'
import { answers } from '../action.ts'
import { messageId } from '../option-parsers.ts'

export function addWhyMail(email: Command): void {
  const why = addWhy(email, {
    noun: 'mail',
    description: 'why one mail is where it is: one sentence, and the evidence',
  })
  answers(why, async (session, id: number) => (await import('../why/mail.ts')).whyMail(session, id))
}

export function addWhyNotification(notification: Command): void {
  const description = 'why one notification is where it is: one sentence, and the evidence'
  const why = addWhy(notification, { noun: 'notification', description })
  answers(why, async (session, id: number) => (await import('../why/notification.ts')).whyNotification(session, id))
}

/** `project why` and `portrait why`. */
export function addSubscriptionCommands(program: Command): void {
  addSubscription(program, 'project', 'projects')
  addSubscription(program, 'portrait', 'portraits')
}

function addSubscription(program: Command, noun: string, kind: SubscriptionKind): void {
  const group = program.command(noun).description(`what a ${noun}'s subscription does`)
  const why = addWhy(group, {
    noun,
    description: `who was told of the end of one ${noun}'s subscription and who was not, why, and what comes next`,
  })
  group.addHelpText('after', `\nExample:\n  $ fleet ${noun} why 42`)
  answers(why, async (session, id: number) =>
    (await import('../why/subscription.ts')).whySubscription(session, kind, id),
  )
}

function addWhy(parent: Command, { noun, description }: { noun: string; description: string }): Command {
  return parent
    .command('why')
    .description(description)
    .argument('<id>', `the id of the ${noun}`, messageId)
    .addHelpText('after', `\nExample:\n  $ fleet ${parent.name()} why 42`)
}
