import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

const said = z.object({
  url: z.string().optional(),
  pid: z.number().optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  drained: z.number().optional(),
})

export interface Holder {
  readonly child: ChildProcess
  /** The next line that it prints. */
  hear(): Promise<z.infer<typeof said>>
  /** Resolves with its exit status when it has ended. */
  readonly ended: Promise<number | null>
}

/** Starts `holder.ts` in a process group of its own, as a terminal would. */
export function startHolder(directory: string, env: NodeJS.ProcessEnv = { PATH: process.env.PATH }): Holder {
  const script = fileURLToPath(new URL('./holder.ts', import.meta.url))
  const child = spawn(process.execPath, [script, directory], {
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    async hear() {
      const { value } = await lines.next()
      return said.parse(JSON.parse(value ?? '{}'))
    },
    ended: once(child, 'exit').then(([status]) => status),
  }
}
