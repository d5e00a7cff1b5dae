import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export interface DnsServer {
  /** For a resolver: `127.0.0.1:port`. */
  readonly address: string
  /** The names that were asked for, in order. */
  readonly asked: readonly string[]
  stop(): Promise<void>
}

const typeTxt = 16
const headerBytes = 12

/** A real name server on loopback (RFC 1035, over UDP) that knows these text records, and of every other name that there is none. */
export async function startDnsServer(records: Readonly<Record<string, readonly string[]>>): Promise<DnsServer> {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = readQuestion(query)
    asked.push(name)
    const known = records[name.toLowerCase()]
    const answers = type === typeTxt ? (known ?? []) : []
    const header = Buffer.alloc(headerBytes)
    query.copy(header, 0, 0, 2)
    // An authoritative answer, recursion desired and available; NXDOMAIN for a name that is not there.
    header.writeUInt16BE(0x8580 | (known === undefined ? 3 : 0), 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(answers.length, 6)
    socket.send(Buffer.concat([header, query.subarray(headerBytes, end), ...answers.map(txtRecord)]), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    async stop() {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    },
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = headerBytes
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('ascii', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 }
}

/** A text of more than 255 octets is in several strings, which belong together (RFC 7208, 3.3). */
function txtRecord(text: string): Buffer {
  const strings = text.match(/[\s\S]{1,255}/g) ?? ['']
  const data = Buffer.concat(strings.map((part) => Buffer.concat([Buffer.from([part.length]), Buffer.from(part)])))
  const fixed = Buffer.alloc(headerBytes)
  // The name is that of the question.
  fixed.writeUInt16BE(0xc00c, 0)
  fixed.writeUInt16BE(typeTxt, 2)
  fixed.writeUInt16BE(1, 4)
  fixed.writeUInt32BE(60, 6)
  fixed.writeUInt16BE(data.length, 10)
  return Buffer.concat([fixed, data])
}
