import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { insertFaultPoints, listFaultPoints } from './fault-points.ts'
import { mailQueue } from './mail/queue.ts'
import { notificationQueue } from './notifications/queue.ts'

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

  it.for([mailQueue, notificationQueue])('are many for $name, and leave modules that can be parsed', (queue) => {
    const points = listFaultPoints(source, (file) => queue.isDrainModule(file))
    for (const file of new Set(points.map((point) => point.replace(/:.*/, '')))) {
      const pointed = insertFaultPoints(file, readFileSync(join(source, file), 'utf8'))
      expect(stripTypeScriptTypes(pointed.source).split('globalThis.faultPoint')).toHaveLength(
        pointed.points.length + 1,
      )
    }
    expect(points.length).toBeGreaterThan(60)
  })
})
