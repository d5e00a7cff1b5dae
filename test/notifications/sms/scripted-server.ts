import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** What the server does with a request once it has read it. */
export type Reaction =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Breaks the connection. */
  | 'reset'
  /** Never says anything. */
  | 'silence'
  /** Answers 201, and breaks the connection in the middle of the body. */
  | 'cut'

export interface SeenRequest {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface ScriptedServer {
  readonly root: string
  readonly host: string
  readonly seen: SeenRequest[]
  /** What it does from now on; a function may look at the request. */
  react: Reaction | ((request: SeenRequest) => Reaction)
  /** The next request, once it has been read. */
  nextRequest(): Promise<SeenRequest>
  close(): Promise<void>
}

/** An HTTP server that remembers each request and does as it is told. */
export async function startScriptedServer(): Promise<ScriptedServer> {
  const seen: SeenRequest[] = []
  let arrived = Promise.withResolvers<SeenRequest>()
  const http = createServer(async (request, response) => {
    const { method, url: path, headers } = request
    const read: SeenRequest = { method, path, headers, body: await text(request) }
    seen.push(read)
    arrived.resolve(read)
    arrived = Promise.withResolvers()
    react(response, typeof server.react === 'function' ? server.react(read) : server.react)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`
  const server: ScriptedServer = {
    root: `http://${host}`,
    host,
    seen,
    react: 'silence',
    nextRequest: () => arrived.promise,
    async close() {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
  return server
}

function react(response: ServerResponse, reaction: Reaction): void {
  if (reaction === 'silence') return
  if (reaction === 'reset') {
    response.socket?.resetAndDestroy()
  } else if (reaction === 'cut') {
    response.writeHead(201, { 'Content-Length': '1000' })
    response.write('{"sid":"SM', () => response.socket?.destroy())
  } else {
    response.writeHead(reaction.status, reaction.headers)
    response.end(reaction.body)
  }
}
