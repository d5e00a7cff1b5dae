import { startEmailWorker } from '../src/email/worker.ts'
import { runWorker } from '../src/process/run-worker.ts'

await runWorker({ name: 'email', needs: ['database', 'smtp'], start: startEmailWorker })
