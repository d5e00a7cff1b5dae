import process from 'node:process'
import type { Screen } from './screen.ts'

/** What a command answers: one document for programs, one text for people. */
export interface Answer {
  /** Keys in camelCase; a Date becomes ISO 8601 in UTC. */
  readonly document: object
  /** Made only when it is wanted. */
  readonly text: (screen: Screen) => string | Promise<string>
  /** 0 unless given. */
  readonly exitStatus?: number
}

export async function writeAnswer(answer: Answer, { json, screen }: { json: boolean; screen: Screen }): Promise<void> {
  const text = json ? JSON.stringify(answer.document, null, 2) : await answer.text(screen)
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}
