import { startFast } from '../src/process/fast-start.ts'

startFast()
const { runWorker } = await import('../src/process/run-worker.ts')
await runWorker({
  name: 'lifecycle',
  needs: ['database'],
  directConnections: 0,
  load: async () => (await import('../src/maintenance/worker.ts')).startLifecycleWorker,
})
