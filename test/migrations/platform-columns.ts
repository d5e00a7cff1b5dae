import { readFile } from 'node:fs/promises'

export interface PlatformColumn {
  readonly table: string
  readonly column: string
  readonly type: string
  readonly nullable: string
  /** Empty where there is none. */
  readonly default: string
}

/** Every column of the platform's tables, as an existing installation has them. */
export const platformColumns = await readColumns()

async function readColumns(): Promise<PlatformColumn[]> {
  const text = await readFile(new URL('../fixtures/platform-columns.tsv', import.meta.url), 'utf8')
  const lines = text
    .split('\n')
    .slice(1)
    .filter((line) => line !== '')
  return lines.map((line) => {
    const [table = '', column = '', type = '', nullable = '', fallback = ''] = line.split('\t')
    return { table, column, type, nullable, default: fallback }
  })
}
