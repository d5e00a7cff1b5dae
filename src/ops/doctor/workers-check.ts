import { type LiveWorker, listWorkers } from '../live-workers.ts'
import { type Check, type DatabaseContext, fineUnless } from './check.ts'
import { type Finding, findingsOf, formatMoment, listSome } from './finding.ts'

const kinds = {
  NO_WORKER: {
    severity: 'error',
    what: 'no worker of a kind is alive',
    why: 'Without an email worker no mail goes out, without a notifications worker no notice, without a lifecycle worker nobody is warned.',
    remedy: 'npx pm2 start ecosystem.config.cjs, and look into its log where it does not stay',
  },
  WORKER_OUTAGE: {
    severity: 'error',
    what: 'a worker cannot send, because what it sends through does not work',
    why: 'What is due waits until that works again.',
    remedy: 'mend what the reason names; the worker goes on by itself',
  },
  WORKER_BLOCKED: {
    severity: 'error',
    what: 'a worker is alive and does not send, on purpose',
    why: 'What is due waits until somebody says otherwise.',
    remedy: 'do what the reason says',
  },
  WORKER_LOST: {
    severity: 'warning',
    what: 'a worker ended in the last day without stopping in good order',
    why: 'It was killed, or its host failed: what it had in hand was tried again, and may have come twice.',
    remedy: "look into its log, PM2's log and the kernel's (out of memory) for the time it was last heard of",
  },
  WORKERS_MIXED_VERSIONS: {
    severity: 'warning',
    what: 'workers of more than one version of the fleet or of Node.js are alive',
    why: 'That is meant to last for an upgrade only.',
    remedy: 'restart the older ones from the new release: npx pm2 reload ecosystem.config.cjs',
  },
  WORKERS_MIXED_ENVIRONMENTS: {
    severity: 'error',
    what: 'workers of more than one environment work on this database',
    why: 'One of them was given the wrong DATABASE_URL, or the wrong FLEET_ENVIRONMENT, and may mail to real customers.',
    remedy: 'stop the one that does not belong here, and correct its configuration',
  },
} as const

const found = findingsOf(kinds)

const wanted = ['email', 'notifications', 'lifecycle'] as const

/** Whether there are workers of every kind, all of them well and alike. */
export const workersCheck: Check<DatabaseContext> = {
  name: 'workers',
  kinds,
  async examine({ db }) {
    const workers = await listWorkers(db)
    const alive = workers.filter(({ isAlive }) => isAlive)
    const findings = [
      ...absentFindings(alive),
      ...alive.flatMap(troublesOf),
      ...lostFindings(workers),
      ...mixedFindings(alive),
    ]
    return fineUnless(findings, `${alive.length} alive, of every kind and of one version`)
  },
}

function absentFindings(alive: readonly LiveWorker[]): Finding[] {
  const absent = wanted.filter((name) => !alive.some((worker) => worker.name === name))
  return absent.length === 0 ? [] : [found('NO_WORKER', { what: `no worker is alive for ${absent.join(', ')}` })]
}

function troublesOf({ owner, outage, blocked }: LiveWorker): Finding[] {
  return [
    ...(outage
      ? [found('WORKER_OUTAGE', { what: `${owner}, since ${formatMoment(outage.since)}: ${outage.reason}` })]
      : []),
    ...(blocked === null ? [] : [found('WORKER_BLOCKED', { what: `${owner}: ${blocked}` })]),
  ]
}

function lostFindings(workers: readonly LiveWorker[]): Finding[] {
  const lost = workers.filter(({ isAlive }) => !isAlive)
  if (lost.length === 0) return []
  const named = lost.map(({ owner, heartbeatAt }) => `${owner}, last heard of ${formatMoment(heartbeatAt)}`)
  return [found('WORKER_LOST', { what: listSome(named) })]
}

function mixedFindings(alive: readonly LiveWorker[]): Finding[] {
  const versions = [...new Set(alive.map(({ version, nodeVersion }) => `${version} on Node.js ${nodeVersion}`))].sort()
  const environments = [...new Set(alive.map(({ environment }) => environment ?? 'none'))].sort()
  return [
    ...(versions.length > 1 ? [found('WORKERS_MIXED_VERSIONS', { what: versions.join(', ') })] : []),
    ...(environments.length > 1 ? [found('WORKERS_MIXED_ENVIRONMENTS', { what: environments.join(', ') })] : []),
  ]
}
