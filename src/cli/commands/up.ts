import type { Command } from 'commander'

export function addUpCommand(program: Command): void {
  program
    .command('up')
    .summary('run the whole fleet in this process')
    .description(
      'Runs the whole fleet in this process until Ctrl-C, on an embedded PostgreSQL unless DATABASE_URL is set. npm start does this.',
    )
    .addHelpText('after', '\nExample:\n  $ fleet up')
    .action(async () => {
      const { runUp } = await import('../../process/up.ts')
      await runUp()
    })
}
