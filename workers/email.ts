import { keepCompiled } from '../src/process/compile-cache.ts'

keepCompiled()
const { runWorker } = await import('../src/process/run-worker.ts')
await runWorker({
  name: 'email',
  needs: ['database', 'smtp'],
  load: async () => (await import('../src/email/worker.ts')).startEmailWorker,
})
