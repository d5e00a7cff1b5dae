import { mailOf } from '../mails/mails.ts'
import { compete, pooledTransport } from './compete.ts'

/** `sendMail` in a loop, with no database: what a program does that keeps nothing. */
const inFlightPerConnection = 4

await compete(async (task) => {
  const { connections, mails } = task
  const transport = pooledTransport(task)
  let next = 1
  const sendSome = async () => {
    while (next <= mails) {
      const mail = mailOf(next)
      next += 1
      await transport.sendMail(mail)
    }
  }
  const inFlight = connections * inFlightPerConnection
  return {
    settings: { maxConnections: connections, maxMessages: 'Infinity', 'sendMail in flight': inFlight },
    start: () => Promise.all(Array.from({ length: inFlight }, sendSome)),
  }
})
