import type { Command } from 'commander'
import { answers } from '../action.ts'
import type { AdoptOptions } from '../adopt-database.ts'
import { momentForms, readMoment } from '../moments.ts'
import { by, once } from '../option-parsers.ts'

export function addAdoptDatabaseCommand(program: Command): void {
  const adopt = program
    .command('adopt-database')
    .summary('accept a database that is not the one it is stamped as')
    .description(
      'Workers send nothing from a database that is not the one it is stamped as: a restored dump, a copy, one that was taken back in time. This accepts it as it is, for workers with the FLEET_ENVIRONMENT that is set here.',
    )
    .option(
      '--held-since <time>',
      'the moment that the data is of: hold what may already have gone out since; ISO, UTC unless said, or back from now as 2h',
      once(by(readMoment, momentForms)),
    )
    .option('--dry-run', 'only say what differs, and what it would do')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n  $ fleet adopt-database --dry-run\n  $ fleet adopt-database --held-since 2026-03-02T02:00 --yes',
    )
  answers(adopt, async (session, options: AdoptOptions) =>
    (await import('../adopt-database.ts')).adopt(session, options),
  )
}
