import { type AddressInfo, createServer, type Socket } from 'node:net'
import process from 'node:process'
import { monotonicMs } from '../support/monotonic.ts'
import { Conversation, headerOf, type Reaction, type Tally } from './conversation.ts'

/** What the parent may say. */
export type SinkCommand = { readonly ask: 'tally' } | { readonly ask: 'reset' } | { readonly announce: string }

/** What the parent is told. */
export type SinkReport =
  | { readonly port: number }
  | { readonly tally: Tally }
  | { readonly subject: string; readonly acceptedAt: number }

/**
 * The cheapest SMTP server that is still one: it takes everything, with PIPELINING, and counts. With a number as its argument each answer
 * comes so many milliseconds after its command. Mails whose subject begins with what is to be announced are told of one by one.
 */
const stepMs = Number(process.argv[2] ?? 0)
const greeting = '220 sink\r\n'
let messageIds = new Set<string>()
let tally = emptyTally()
let open = 0
let announced: string | undefined

const server = createServer((socket) => {
  open += 1
  tally.connections = Math.max(tally.connections, open)
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.once('close', () => {
    open -= 1
  })
  const conversation = new Conversation(take)
  const answer = stepMs === 0 ? write : slowly()
  if (stepMs === 0) socket.write(greeting)
  else setTimeout(() => socket.write(greeting), stepMs)
  socket.on('data', (chunk: Buffer) => {
    const reaction = conversation.receive(chunk)
    if (reaction.aboutMail && tally.firstCommandAt === 0) tally.firstCommandAt = monotonicMs()
    answer(socket, reaction)
  })
})

server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
process.once('disconnect', () => process.exit(0))
process.on('message', (command: SinkCommand) => {
  if ('announce' in command) announced = command.announce
  else if (command.ask === 'tally') tell({ tally: { ...tally, distinct: messageIds.size } })
  else reset()
})

function write(socket: Socket, { answer, ends }: Reaction): void {
  if (ends) socket.end(answer)
  else if (answer.length > 0) socket.write(answer)
}

/** Answers late, in the order of the commands, and keeps account of the time for which the connection waits for them. */
function slowly(): typeof write {
  let due = 0
  let heldSince = 0
  return (socket, reaction) => {
    if (reaction.answer.length === 0) return
    const { aboutMail } = reaction
    if (aboutMail && due === 0) heldSince = monotonicMs()
    if (aboutMail) due += 1
    setTimeout(() => {
      write(socket, reaction)
      if (aboutMail) due -= 1
      if (aboutMail && due === 0) tally.heldMs += monotonicMs() - heldSince
    }, stepMs)
  }
}

function take(message: Buffer): void {
  const now = monotonicMs()
  tally.accepted += 1
  if (tally.accepted === 1) tally.firstAcceptedAt = now
  tally.lastAcceptedAt = now
  messageIds.add(headerOf(message, 'Message-ID'))
  if (announced === undefined) return
  const subject = headerOf(message, 'Subject')
  if (subject.startsWith(announced)) tell({ subject, acceptedAt: now })
}

function reset(): void {
  messageIds = new Set()
  tally = { ...emptyTally(), connections: open }
}

function emptyTally(): Tally {
  return {
    accepted: 0,
    distinct: 0,
    firstCommandAt: 0,
    firstAcceptedAt: 0,
    lastAcceptedAt: 0,
    heldMs: 0,
    connections: 0,
  }
}

function tell(report: SinkReport): void {
  process.send?.(report)
}
