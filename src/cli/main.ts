import process from 'node:process'
import { exitStatus } from './exit-status.ts'
import { createProgram } from './program.ts'

// Whoever reads the answer (`| head`) may stop reading.
process.stdout.on('error', endQuietly)
process.stderr.on('error', endQuietly)

const argv = process.argv.slice(2)
const program = createProgram()
try {
  await program.parseAsync(argv, { from: 'user' })
} catch (error) {
  const { reportError } = await import('./report-error.ts')
  process.exitCode = await reportError(error, { program, argv })
}

function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(process.exitCode ?? exitStatus.done)
}
