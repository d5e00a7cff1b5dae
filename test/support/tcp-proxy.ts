import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** From now on nothing passes, in either direction, and nothing is closed: as behind a firewall that forgot its connections. */
  goSilent(): void
  /** New connections pass again; those that fell silent stay so. */
  openAnew(): void
  stop(): Promise<void>
}

/** Passes connections on to a port of this machine; listens on a free port unless told where. */
export async function startTcpProxy(targetPort: number, { port = 0 } = {}): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let silent = false
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    return socket
  }
  // Half-open is what the silence consists of: an end from one side must not be answered for the other.
  const server = createServer({ allowHalfOpen: true }, (near) => {
    keep(near)
    if (silent) return
    const far = keep(connect(targetPort, '127.0.0.1'))
    near.pipe(far).pipe(near)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    goSilent() {
      silent = true
      for (const socket of sockets) socket.unpipe().resume().removeAllListeners('end')
    },
    openAnew() {
      silent = false
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
