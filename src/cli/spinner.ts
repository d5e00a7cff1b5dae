import process from 'node:process'
import type { Ora } from 'ora'

const showAfterMs = 1_000

/** Runs the work with a spinner on standard error from its second second on. Nothing of it stays on the screen. */
export async function withSpinner<T>(text: string, work: (tell: (text: string) => void) => Promise<T>): Promise<T> {
  let spinner: Ora | undefined
  let told = text
  const tell = (next: string): void => {
    told = next
    if (spinner) spinner.text = next
  }
  let done = false
  const timer = setTimeout(async () => {
    const { default: ora } = await import('ora')
    // Discarding what is typed would put the terminal into raw mode, where Ctrl-C is a character.
    if (!done) spinner = ora({ text: told, stream: process.stderr, discardStdin: false }).start()
  }, showAfterMs)
  try {
    return await work(tell)
  } finally {
    done = true
    clearTimeout(timer)
    spinner?.stop()
  }
}
