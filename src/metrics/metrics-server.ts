import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'

/** What the pages tell, asked anew for each request. */
export interface Told {
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
  /** Why the process does not do its work; empty while it does. */
  notReady(): readonly string[]
}

export interface MetricsServerOptions {
  readonly host: string
  readonly port: number
  readonly told: Told
  readonly log: Logger
  /** How long a taken port is left alone before it is tried again, in milliseconds. */
  readonly retryMs?: number
}

export interface MetricsServer {
  /** Stops listening and ends what is under way. */
  stop(): Promise<void>
}

const patienceMs = 5_000
/** Who asks does so at once. */
const requestMs = 5_000
const limits = { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval: 1_000 }
/** More than ask at once, and too few to leave the worker without file descriptors for its mail. */
const mostConnections = 50

/**
 * Serves `/metrics`, `/healthz` and `/readyz`. It keeps no process alive, and none from its work: a port that cannot be had is a
 * warning, and is tried for again, as it may be that of a process that is about to end.
 */
export function startMetricsServer({
  host,
  port,
  told,
  log,
  retryMs = patienceMs,
}: MetricsServerOptions): MetricsServer {
  const server = createServer(limits, (request, response) => {
    answer(told, { request, response }).catch((err: unknown) => {
      log.warn({ err, url: request.url }, 'metrics: no answer')
      response.headersSent ? response.destroy() : send(response, 500, 'no answer; the log says why\n')
    })
  })
  let retry: NodeJS.Timeout | undefined
  let warned = false
  const onRefused = (err: unknown) => {
    if (!warned) log.warn({ err, host, port }, 'no metrics: the port cannot be had; the work goes on without')
    warned = true
    retry = setTimeout(listen, retryMs).unref()
  }
  const listen = () => {
    try {
      server.listen({ host, port })
    } catch (err) {
      // There are no ports above 65535, as those of late instances may be.
      onRefused(err)
    }
  }
  server.maxConnections = mostConnections
  server.on('error', onRefused)
  server.on('listening', () => log.info({ host, port }, 'metrics are served'))
  server.unref()
  listen()
  return {
    async stop() {
      clearTimeout(retry)
      await closed(server)
    },
  }
}

async function answer(
  told: Told,
  { request, response }: { request: IncomingMessage; response: ServerResponse },
): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?')
  const page = pages[path]
  if (page === undefined) return send(response, 404, 'not found: there are /metrics, /healthz and /readyz\n')
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    return send(response, 405, 'GET or HEAD\n')
  }
  await page(told, response)
}

const pages: Readonly<Record<string, (told: Told, response: ServerResponse) => void | Promise<void>>> = {
  '/metrics': async (told, response) => {
    const { contentType, text } = await told.metrics()
    send(response, 200, text, contentType)
  },
  // That it answers at all is the answer: the event loop turns.
  '/healthz': (_told, response) => send(response, 200, 'ok\n'),
  '/readyz': (told, response) => {
    const reasons = told.notReady()
    const text = `${JSON.stringify({ ready: reasons.length === 0, reasons })}\n`
    send(response, reasons.length === 0 ? 200 : 503, text, 'application/json')
  },
}

function send(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  // Node leaves the text out where HEAD was asked.
  response.end(text)
}

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
