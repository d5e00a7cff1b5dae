import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { insertFaultPoints, isDrainModule, listFaultPoints } from './fault-points.ts'

const source = join(import.meta.dirname, '../../src')

describe('fault points', () => {
  it('stand before each await, and nowhere else', () => {
    const text = [
      'const a = await one() // await',
      `/* await x */ log('await y', "await z", \`await $\{\`await\`} {await}\`)`,
      'const quote = /[\'"`]/.test(b)',
      'for await (const c of d) e(c / f, (await g())?.h)',
      'const awaited = [await i, await j]',
    ].join('\n')
    const { points, source: pointed } = insertFaultPoints('queue/x.ts', text)
    expect(points).toEqual(['queue/x.ts:1:11', 'queue/x.ts:4:36', 'queue/x.ts:5:18', 'queue/x.ts:5:27'])
    expect(pointed.split('\n').at(-1)).toBe(
      'const awaited = [globalThis.faultPoint("queue/x.ts:5:18") || await i, globalThis.faultPoint("queue/x.ts:5:27") || await j]',
    )
  })

  it('are many, and leave modules that can be parsed', () => {
    const files = ['queue', 'email'].flatMap((folder) =>
      readdirSync(join(source, folder)).map((name) => `${folder}/${name}`),
    )
    for (const file of files.filter(isDrainModule)) {
      const { source: pointed, points } = insertFaultPoints(file, readFileSync(join(source, file), 'utf8'))
      expect(stripTypeScriptTypes(pointed).split('globalThis.faultPoint')).toHaveLength(points.length + 1)
    }
    expect(listFaultPoints(source).length).toBeGreaterThan(60)
  })
})
