import { startFast } from '../src/process/fast-start.ts'

startFast()
const { runWorker } = await import('../src/process/run-worker.ts')
await runWorker({
  name: 'email',
  needs: ['database', 'smtp'],
  keepsPlans: true,
  load: async () => (await import('../src/email/worker.ts')).startEmailWorker,
})
