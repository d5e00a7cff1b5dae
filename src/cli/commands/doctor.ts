import type { Command } from 'commander'
import { answers } from '../action.ts'

export function addDoctorCommand(program: Command): void {
  const doctor = program
    .command('doctor')
    .summary('what is wrong, and how to mend it')
    .description(
      'Says what is wrong, why that matters, and how to mend it: of the configuration, the database, the mail server, the bot, the DNS, ' +
        'PM2, the workers and their schedules. Changes and sends nothing. Ends with 3 on an error, not on warnings.',
    )
    .addHelpText('after', '\nExamples:\n  $ fleet doctor\n  $ fleet doctor --json | jq .findings')
  answers(doctor, async (session) => {
    const { showDiagnosis } = await import('../doctor.ts')
    return showDiagnosis(session)
  })
}
