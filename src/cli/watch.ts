import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import stringWidth from 'string-width'
import { isUnreachable } from '../db/pool.ts'
import type { Answer } from './answer.ts'
import { type Screen, screenOf } from './screen.ts'
import type { Session } from './session.ts'

export interface Watching {
  readonly read: () => Promise<Answer>
  readonly everyMs: number
}

const enter = '\x1b[?1049h\x1b[?25l'
const leave = '\x1b[?25h\x1b[?1049l'

/**
 * Answers again and again until Ctrl-C or SIGTERM: on a terminal in place, on a screen of its own that is gone afterwards; elsewhere one after
 * the other, as JSON one document a line. A database that is out of reach for a while is waited for.
 */
export async function watchAnswers(session: Session, { read, everyMs }: Watching): Promise<void> {
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const inPlace = session.screen.isTerminal && !session.json
  if (inPlace) process.stdout.write(enter)
  try {
    while (!stopping.signal.aborted) {
      const text = await frame(session, read)
      process.stdout.write(inPlace ? place(text, process.stdout) : `${text.trimEnd()}\n${session.json ? '' : '\n'}`)
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => {})
    }
  } finally {
    if (inPlace) process.stdout.write(leave)
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

/** The terminal may have been made wider meanwhile. */
async function frame({ json }: Session, read: () => Promise<Answer>): Promise<string> {
  const screen: Screen = screenOf(process.stdout, process.env)
  try {
    const answer = await read()
    return json ? JSON.stringify(answer.document) : await answer.text(screen)
  } catch (error) {
    if (!isUnreachable(error) || !(error instanceof Error)) throw error
    const message = `the database cannot be reached: ${error.message}; trying again`
    return json
      ? JSON.stringify({ error: { code: 'DATABASE_UNREACHABLE', message, hint: null } })
      : screen.colors.red(message)
  }
}

/**
 * Line over line, so that nothing flickers; what does not fit below is left out. A long line takes several rows of the terminal, and one row
 * too many would scroll the first away, which says the worst.
 */
export function place(text: string, { columns, rows }: { readonly columns: number; readonly rows: number }): string {
  let left = rows - 1
  let drawn = ''
  for (const line of text.trimEnd().split('\n')) {
    const width = stringWidth(line)
    left -= Math.max(1, Math.ceil(width / columns))
    if (left < 0) break
    // The cursor is still on the last character of a full row, which would be erased.
    const isFull = width > 0 && width % columns === 0
    drawn += `${line}${isFull ? '' : '\x1b[K'}\n`
  }
  return `\x1b[H${drawn}\x1b[J`
}
