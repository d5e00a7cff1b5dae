import { expect, it, onTestFinished } from 'vitest'
import { startSmtpServer } from '../support/smtp-server.ts'
import { attemptsOf, countByStatus, insertMails, waitForMails, waitUntilSent } from './mails.ts'
import { setScene } from './scene.ts'

const scene = setScene()

it('a mail server that dies with messages in hand costs them no attempt', async () => {
  let received = 0
  const server = await scene.startServer({
    message() {
      received += 1
      return new Promise(() => {})
    },
  })
  const worker = scene.startWorker(server.url)
  await insertMails(scene.database.db, 10)
  await worker.ready()
  await expect.poll(() => received).toBe(10)
  await server.stop()
  await worker.logged(/^outage:/)
  await expect.poll(() => countByStatus(scene.database.db)).toEqual({ pending: 10 })
  const again = await startSmtpServer({ port: server.port })
  onTestFinished(() => again.stop())
  await waitUntilSent(scene.database.db, 10)
  expect(await attemptsOf(scene.database.db, 'sent')).toEqual([1])
})

it('an outage of the mail server under load costs no attempt, and everything is delivered after it', async () => {
  const server = await scene.startServer()
  const workers = [scene.startWorker(server.url), scene.startWorker(server.url)] as const
  await Promise.all(workers.map((worker) => worker.ready()))
  await insertMails(scene.database.db, 1_500)
  await waitForMails(server, 200)
  await server.stop()
  await Promise.all(workers.map((worker) => worker.logged(/^outage:/)))
  const again = await startSmtpServer({ port: server.port })
  onTestFinished(() => again.stop())
  await waitUntilSent(scene.database.db, 1_500)
  await Promise.all(workers.map((worker) => worker.logged(/^outage over/)))
  expect(await attemptsOf(scene.database.db, 'sent')).toEqual([1])
  expect(server.mails.length + again.mails.length).toBe(1_500)
})
