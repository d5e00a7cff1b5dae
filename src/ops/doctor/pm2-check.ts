import { createRequire } from 'node:module'
import { join } from 'node:path'
import { projectFolder } from '../../runtime/folders.ts'
import { type Check, fineUnless, type HostContext } from './check.ts'
import { type Finding, findingsOf, listSome } from './finding.ts'
import { listPm2Processes } from './pm2-processes.ts'

/** PM2's own, where nothing is said. */
const usualKillTimeoutMs = 1_600

const kinds = {
  KILL_TIMEOUT_TOO_SHORT: {
    severity: 'error',
    what: '`ecosystem.config.cjs` has PM2 kill a worker that still finishes what is in flight',
    why: 'A mail whose answer is cut off may be sent twice.',
    remedy: 'set kill_timeout in ecosystem.config.cjs to SHUTDOWN_SECONDS and 5 s more, as it was shipped',
  },
  PM2_KILL_TIMEOUT_STALE: {
    severity: 'error',
    what: 'PM2 runs a worker with a kill timeout below `SHUTDOWN_SECONDS`',
    why: 'At its next stop it is killed in the middle of a mail, which may then be sent twice.',
    remedy: 'npx pm2 delete ecosystem.config.cjs, then npx pm2 start ecosystem.config.cjs and npx pm2 save',
  },
  ECOSYSTEM_UNREADABLE: {
    severity: 'error',
    what: '`ecosystem.config.cjs` cannot be read',
    why: 'PM2 cannot start or reload the workers.',
    remedy: 'put the file back as it was released',
  },
} as const

const found = findingsOf(kinds)

interface App {
  readonly name: string
  readonly killTimeoutMs: number
}

/** Whether PM2 leaves workers the time to stop. */
export const pm2Check: Check<HostContext> = {
  name: 'pm2',
  kinds,
  async examine({ config: { shutdownSeconds } }) {
    const path = join(projectFolder, 'ecosystem.config.cjs')
    const isShort = ({ killTimeoutMs }: App) => killTimeoutMs <= shutdownSeconds * 1000
    const running = await listPm2Processes(projectFolder)
    const stale = shortFindings('PM2_KILL_TIMEOUT_STALE', running.filter(isShort), shutdownSeconds)
    try {
      const apps = readApps(path)
      const findings = [...shortFindings('KILL_TIMEOUT_TOO_SHORT', apps.filter(isShort), shutdownSeconds), ...stale]
      return fineUnless(findings, `kills no worker within the ${shutdownSeconds} s that it has to stop`)
    } catch (error) {
      return { findings: [found('ECOSYSTEM_UNREADABLE', { what: `${path}: ${String(error)}` }), ...stale] }
    }
  },
}

/** The file is code, which PM2 runs as well. */
function readApps(path: string): App[] {
  const { apps } = createRequire(import.meta.url)(path) as { apps: readonly { name: string; kill_timeout?: number }[] }
  return apps.map(({ name, kill_timeout: killTimeoutMs = usualKillTimeoutMs }) => ({ name, killTimeoutMs }))
}

function shortFindings(
  code: 'KILL_TIMEOUT_TOO_SHORT' | 'PM2_KILL_TIMEOUT_STALE',
  apps: App[],
  shutdownSeconds: number,
): Finding[] {
  if (apps.length === 0) return []
  const named = [...new Set(apps.map(({ name, killTimeoutMs }) => `${name} after ${killTimeoutMs / 1000} s`))]
  return [found(code, { what: `PM2 kills ${listSome(named)}, and SHUTDOWN_SECONDS gives them ${shutdownSeconds} s` })]
}
