import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { variables } from '../../src/config/variables.ts'
import { closingMs } from '../../src/process/deadline.ts'

const root = join(import.meta.dirname, '../..')
const { apps } = createRequire(import.meta.url)(join(root, 'ecosystem.config.cjs'))

interface Instruction {
  readonly word: string
  readonly text: string
}

/** The instructions of a Dockerfile, lines that are continued put together. */
function readInstructions(dockerfile: string): Instruction[] {
  return dockerfile
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, word = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
      return { word, text }
    })
}

let all: Instruction[]
let page: string
beforeAll(async () => {
  all = readInstructions(await readFile(join(root, 'Dockerfile'), 'utf8'))
  page = await readFile(join(root, 'docs/operations/container.md'), 'utf8')
})
const textsOf = (word: string) => all.filter((instruction) => instruction.word === word).map(({ text }) => text)

describe('the image', () => {
  it('consists of instructions that Docker knows', () => {
    const known = ['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'EXPOSE', 'STOPSIGNAL', 'HEALTHCHECK', 'CMD']
    expect(all.map(({ word }) => word).filter((word) => !known.includes(word))).toEqual([])
    expect(all[0]?.word).toBe('FROM')
  })

  it('has a Node.js that runs TypeScript, a version that is named, and runs as somebody who may do nothing', () => {
    for (const base of textsOf('FROM')) {
      expect(Number(/^node:(\d+)-/.exec(base)?.[1])).toBeGreaterThanOrEqual(24)
    }
    expect(textsOf('USER')).toEqual(['node'])
    expect(all.findIndex(({ word }) => word === 'USER')).toBeLessThan(all.findIndex(({ word }) => word === 'CMD'))
  })

  it('copies all that a worker needs, and .dockerignore lets it through', async () => {
    const copied = textsOf('COPY').flatMap((text) =>
      text
        .split(' ')
        .filter((part) => !part.startsWith('--'))
        .slice(0, -1),
    )
    const wanted = ['bin', 'migrations', 'package.json', 'src', 'workers']
    expect(copied).toEqual(expect.arrayContaining(wanted))
    const allowed = (await readFile(join(root, '.dockerignore'), 'utf8'))
      .split('\n')
      .map((line) => line.replace('!', ''))
    for (const name of copied.filter((part) => !part.startsWith('/'))) {
      expect(existsSync(join(root, name)), name).toBe(true)
      expect(allowed).toContain(name)
    }
  })

  it('starts a worker itself, as process 1, and so does each command of the page', () => {
    const [command = '[]'] = textsOf('CMD')
    expect(JSON.parse(command)).toEqual(['node', 'workers/email.ts'])
    for (const { script } of apps) if (script !== 'workers/email.ts') expect(page).toContain(`fleet node ${script}`)
    expect(textsOf('STOPSIGNAL')).toEqual(['SIGTERM'])
  })

  it('sets variables that there are, and exposes and asks the port of the probes', () => {
    const given = Object.fromEntries(
      textsOf('ENV').flatMap((text) => text.split(/\s+/).map((entry) => entry.split('='))),
    )
    for (const name of Object.keys(given)) {
      if (!name.startsWith('NODE_')) expect(variables).toHaveProperty(name)
    }
    expect(textsOf('EXPOSE')).toEqual([given.METRICS_PORT])
    expect(textsOf('HEALTHCHECK')[0]).toMatch(/METRICS_PORT\}\/healthz/)
  })

  it('is given more time to stop than its worker takes', () => {
    const [, seconds] = /--stop-timeout (\d+)/.exec(page) ?? []
    expect(Number(seconds)).toBeGreaterThan(Number(variables.SHUTDOWN_SECONDS.default) + closingMs / 1000)
  })
})
