import { startFast } from '../src/process/fast-start.ts'

startFast()
const { runWorker } = await import('../src/process/run-worker.ts')
await runWorker({
  name: 'email',
  needs: ['database', 'smtp'],
  directConnections: 1,
  // Less than the worker waits for an answer: a claim that is carried out after that leaves rows in nobody's hand.
  sessions: { keepsPlans: true, statementTimeoutMs: 10_000 },
  load: async () => (await import('../src/email/worker.ts')).startEmailWorker,
})
