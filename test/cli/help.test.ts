import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createProgram } from '../../src/cli/program.ts'
import { createFleet, type Fleet } from './fleet.ts'

let fleet: Fleet
beforeAll(async () => {
  fleet = await createFleet()
})
afterAll(() => fleet.installation.remove())

/** Tells at the end every module that was loaded. */
const listModules = `
  import { registerHooks } from 'node:module'
  const urls = []
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context)
      urls.push(found.url)
      return found
    },
  })
  process.on('exit', () => process.stderr.write(urls.join('\\n')))`

const program = createProgram()
const everyCommand = [program, ...program.commands.flatMap((command) => [command, ...command.commands])]

describe('help', () => {
  it.each(everyCommand.map((command) => ({ command, name: command.name() })))(
    'of $name describes it and its options, and gives an example',
    ({ command }) => {
      let help = ''
      command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
      expect(command.description()).not.toBe('')
      expect(help).toContain('--json')
      expect(help).toMatch(/Examples?:\n {2}\$ fleet /)
      for (const option of command.options) expect(option.description).not.toBe('')
    },
  )

  it('goes to standard output, and is not wrong usage', async () => {
    const [replay, version] = await Promise.all([fleet.run(['email', 'replay', '--help']), fleet.run(['--version'])])
    expect(replay).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Usage: fleet email replay') })
    expect(version).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  it.each([[['--help']], [['email', 'lst']]])(
    '%j loads no database driver, nothing that sends mail, no configuration',
    async (args) => {
      const hook = `--import=data:text/javascript,${encodeURIComponent(listModules)}`
      const { stderr } = await fleet.run(args, { env: { NODE_OPTIONS: hook } })
      expect(stderr).toMatch(/\/commander\//)
      expect(stderr).not.toMatch(/\/node_modules\/(pg|pg-boss|kysely|nodemailer|liquidjs|zod|luxon|table|ora)\//)
    },
  )
})
