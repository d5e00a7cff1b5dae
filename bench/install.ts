import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

/** Installs the packages of this folder where they are missing, or others than the lockfile names. */
export function installPackages(): void {
  const lockfile = JSON.parse(readFileSync(join(import.meta.dirname, 'package-lock.json'), 'utf8'))
  const wanted: Record<string, string> = lockfile.packages[''].dependencies
  if (Object.entries(wanted).every(([name, version]) => installedVersion(name) === version)) return
  // Under npm its own script, so that it runs with this Node.js.
  const npm = process.env.npm_execpath
  const [command, args] = npm === undefined ? ['npm', []] : [process.execPath, [npm]]
  const { status } = spawnSync(command, [...args, 'ci', '--no-audit', '--no-fund'], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (status !== 0) throw new Error('npm ci failed in bench/')
}

function installedVersion(name: string): string | undefined {
  const file = join(import.meta.dirname, 'node_modules', name, 'package.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined
}
