import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { Machine } from '../report/results.ts'
import { projectRoot } from './worker-process.ts'

const packages = ['nodemailer', 'pg', 'pg-boss']
const packagesOfBench = ['graphile-worker']

/** What the figures were measured on, and with which versions. */
export function describeMachine(): Machine {
  return {
    cpu: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${arch()}`,
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    kernel: `${type()} ${release()}`,
    node: process.versions.node,
    packages: Object.fromEntries([
      ...packages.map((name) => [name, versionOf(name, projectRoot)]),
      ...packagesOfBench.map((name) => [name, versionOf(name, join(projectRoot, 'bench'))]),
    ]),
    commit: commit(),
    date: new Date().toISOString(),
  }
}

function versionOf(name: string, folder: string): string {
  const require = createRequire(join(folder, 'package.json'))
  const [paths = ''] = require.resolve.paths(name) ?? []
  return JSON.parse(readFileSync(join(paths, name, 'package.json'), 'utf8')).version
}

/** With a plus where the work tree differs from it; empty where there is no repository. */
function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: projectRoot, encoding: 'utf8' }).trim()
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'workers', 'migrations')
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : '+')
  } catch {
    return ''
  }
}
