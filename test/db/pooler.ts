import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

const ACCEPTED = new Set(['user', 'database', 'application_name', 'client_encoding'])

/**
 * What a PgBouncer in front of the server looks like to a client: it refuses startup parameters it does not know, and
 * the process id it gives for cancelling is its own invention.
 */
export async function startPooler(serverUrl: string): Promise<{ url: string; close(): void }> {
  const upstream = new URL(serverUrl)
  const server = createServer((client) => {
    const backend = connect(Number(upstream.port), upstream.hostname)
    client.on('error', () => backend.destroy()).on('close', () => backend.destroy())
    backend.on('error', () => client.destroy()).on('close', () => client.destroy())
    client.once('data', (startup: Buffer) => {
      const unknown = parametersOf(startup).find((name) => !ACCEPTED.has(name))
      if (unknown !== undefined) return client.end(refusal(`unsupported startup parameter: ${unknown}`))
      backend.write(startup)
      client.on('data', (chunk) => backend.write(chunk))
      return undefined
    })
    backend.on('data', (chunk: Buffer) => client.write(disguise(chunk)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(serverUrl)
  url.port = String((server.address() as AddressInfo).port)
  return { url: url.href, close: () => void server.close() }
}

function parametersOf(startup: Buffer): string[] {
  const words = startup.subarray(8).toString('utf8').split('\0')
  return words.filter((word, index) => index % 2 === 0 && word !== '')
}

/** BackendKeyData: 'K', a length of 12, the process id, the secret. */
function disguise(chunk: Buffer): Buffer {
  const at = chunk.indexOf(Buffer.from('4b0000000c', 'hex'))
  if (at >= 0) chunk.writeInt32BE(7, at + 5)
  return chunk
}

function refusal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0C08P01\0M${message}\0\0`)
  const head = Buffer.from('E\0\0\0\0')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
}
