import { chmod, cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** A copy of what is deployed, without a `.env`: that of whoever runs the tests must not decide how they end. */
export interface Installation {
  readonly directory: string
  /** Its `.env` from now on. */
  writeDotenv(text: string): Promise<void>
  remove(): Promise<void>
}

const projectRoot = resolve(import.meta.dirname, '../..')
const deployed = ['bin', 'ecosystem.config.cjs', 'migrations', 'package.json', 'src', 'workers']

export async function createInstallation(): Promise<Installation> {
  const directory = await mkdtemp(join(tmpdir(), 'fleet-installation-'))
  // As root, PostgreSQL runs as another user, who has to get in.
  await chmod(directory, 0o755)
  for (const name of deployed) await cp(join(projectRoot, name), join(directory, name), { recursive: true })
  await symlink(join(projectRoot, 'node_modules'), join(directory, 'node_modules'))
  return {
    directory,
    writeDotenv: (text) => writeFile(join(directory, '.env'), text, { mode: 0o600 }),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}
