import { createServer } from 'node:net'
import process from 'node:process'

/**
 * The cheapest SMTP server that is still one, in a process of its own: it takes everything, with PIPELINING, and tells its parent when
 * it accepted each subject (monotonic clock, nanoseconds).
 */
const server = createServer((socket) => {
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.write('220 sink\r\n')
  let buffered = ''
  let inMessage = false
  socket.on('data', (chunk) => {
    buffered += chunk.toString('latin1')
    let answers = ''
    for (;;) {
      const end = buffered.indexOf(inMessage ? '\r\n.\r\n' : '\r\n')
      if (end < 0) break
      const part = buffered.slice(0, end)
      buffered = buffered.slice(end + (inMessage ? 5 : 2))
      if (inMessage) {
        inMessage = false
        answers += '250 2.0.0 taken\r\n'
        process.send?.({ subject: /^Subject: (.*)$/m.exec(part)?.[1] ?? '', at: String(process.hrtime.bigint()) })
      } else if (part.startsWith('EHLO')) {
        answers += '250-sink\r\n250 PIPELINING\r\n'
      } else if (part === 'DATA') {
        answers += '354 go on\r\n'
        inMessage = true
      } else if (part === 'QUIT') {
        socket.end('221 bye\r\n')
        return
      } else {
        answers += '250 ok\r\n'
      }
    }
    if (answers !== '') socket.write(answers)
  })
})

server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }))
process.once('disconnect', () => process.exit(0))
