import type { Command } from 'commander'
import { readMailAddress } from '../../runtime/mail-address.ts'
import { answers } from '../action.ts'
import { by, once, oneOf, someText } from '../option-parsers.ts'
import type { AddUserOptions } from '../users/add.ts'
import type { PasswordOptions } from '../users/new-password.ts'

const longestText = 255

export function addUsersCommands(program: Command): void {
  const users = program
    .command('users')
    .description('who may log in to the platform; passwords are never given as arguments, but asked for or piped in')
    .addHelpText('after', '\nExamples:\n  $ fleet users list\n  $ fleet users set-password admin@vertexar.com')
  addList(users)
  addAdd(users)
  addSetPassword(users)
  addUnlock(users)
}

function addList(users: Command): void {
  const list = users
    .command('list')
    .description('every user, whether a password is set, and who is locked out')
    .addHelpText('after', '\nExample:\n  $ fleet users list')
  answers(list, async (session) => (await import('../users/list.ts')).showUsers(session))
}

function addAdd(users: Command): void {
  const add = users
    .command('add')
    .description('add a user with a password')
    .argument('<email>', 'the address to log in with', by(readMailAddress, 'name@example.org'))
    .requiredOption('--name <text>', 'the full name', once(someText(longestText)))
    .option('--role <role>', 'admin, manager or viewer', oneOf(['admin', 'manager', 'viewer']), 'viewer')
  addPasswordOptions(add).addHelpText(
    'after',
    '\nExamples:\n  $ fleet users add ann@example.org --name "Ann Lee" --role manager\n' +
      '  $ fleet users add ann@example.org --name "Ann Lee" --generate',
  )
  answers(add, async (session, email: string, options: AddUserOptions) =>
    (await import('../users/add.ts')).addOneUser(session, email, options),
  )
}

function addSetPassword(users: Command): void {
  const setPassword = users
    .command('set-password')
    .description('give a user another password, and forget the failed logins')
    .argument('<email>', 'the address of the user', someText(longestText))
  addPasswordOptions(setPassword).addHelpText(
    'after',
    '\nExamples:\n  $ fleet users set-password admin@vertexar.com\n' +
      '  $ fleet users set-password admin@vertexar.com --password-stdin < password.txt',
  )
  answers(setPassword, async (session, email: string, options: PasswordOptions) =>
    (await import('../users/change.ts')).setOnePassword(session, email, options),
  )
}

function addUnlock(users: Command): void {
  const unlock = users
    .command('unlock')
    .description('let a user in again who is locked out after failed logins')
    .argument('<email>', 'the address of the user', someText(longestText))
    .addHelpText('after', '\nExample:\n  $ fleet users unlock ann@example.org')
  answers(unlock, async (session, email: string) => (await import('../users/change.ts')).unlockOneUser(session, email))
}

function addPasswordOptions(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make a password, and print it')
}
