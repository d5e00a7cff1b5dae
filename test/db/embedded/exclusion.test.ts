import { expect, test } from 'vitest'
import { findEmbedded, startEmbedded } from '../../../src/db/embedded/embedded.ts'
import { startHolder } from './holder-process.ts'
import { ask, makeHome } from './home.ts'

test('of two starts at once one gets the folder, and the other is told who has it', async () => {
  const home = await makeHome()
  const holders = [startHolder(home), startHolder(home)]
  const answers = await Promise.all(holders.map((holder) => holder.hear()))
  const winner = answers[0]?.url ? 0 : 1
  expect(answers[winner]).toHaveProperty('url')
  expect(answers[1 - winner]).toMatchObject({
    code: 'EMBEDDED_IN_USE',
    message: expect.stringContaining(`process ${holders[winner]?.child.pid}`),
  })
  holders[winner]?.child.kill('SIGINT')
  expect(await Promise.all(holders.map((holder) => holder.ended))).toContain(0)
})

test('it outlives a Ctrl-C until the process that holds it stops it', async () => {
  const home = await makeHome()
  const holder = startHolder(home)
  await holder.hear()
  process.kill(-(holder.child.pid ?? 0), 'SIGINT')
  expect(await holder.hear()).toEqual({ drained: 1 })
  expect(await holder.ended).toBe(0)
  expect(await findEmbedded({ directory: home })).toBeUndefined()
})

test('a stop ends open sessions, may be repeated, and frees the folder', async () => {
  const home = await makeHome()
  const embedded = await startEmbedded({ directory: home })
  await expect(startEmbedded({ directory: home })).rejects.toMatchObject({ code: 'EMBEDDED_IN_USE' })
  const sleeper = expect(ask(embedded.url, 'SELECT pg_sleep(60)')).rejects.toThrow()
  await Promise.all([embedded.stop(), embedded.stop()])
  await sleeper
  const again = await startEmbedded({ directory: home })
  await again.stop()
})
