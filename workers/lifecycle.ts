import { startLifecycleWorker } from '../src/maintenance/worker.ts'
import { runWorker } from '../src/process/run-worker.ts'

await runWorker({ name: 'lifecycle', needs: ['database'], start: startLifecycleWorker })
