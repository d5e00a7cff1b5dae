import { fileSlug } from '../../email/file-slug.ts'
import { oneLine } from '../../email/one-line.ts'
import { datedStem, writeNewFile } from '../../runtime/new-file.ts'

/** A message as a system that is not there would get it. */
export interface OutboxMessage {
  readonly notificationId: number
  /** What the name of its file ends with. */
  readonly title: string
  /** What stands above the text, a line each: `To`, `Part` and the like. */
  readonly fields: Readonly<Record<string, string>>
  readonly text: string
}

/** A directory that messages go to instead of leaving. */
export interface Outbox {
  readonly directory: string
  /**
   * Writes one text file, readable by its owner only: the fields, an empty line, the text as it would be sent. Durable once the promise
   * resolves. Names sort by time. Any number of processes may write at once. Throws what the file system says.
   */
  write(message: OutboxMessage): Promise<{ readonly path: string }>
}

/** The outbox in `directory`, which the first message makes where it is missing. `now` dates the files. */
export function createOutbox(options: { directory: string; now?: () => Date }): Outbox {
  const { directory, now = () => new Date() } = options
  return {
    directory,
    async write({ notificationId, title, fields, text }) {
      const lines = Object.entries(fields).map(([name, value]) => `${name}: ${oneLine(value)}`)
      const stem = `${datedStem(now(), notificationId)}-${fileSlug(title)}`
      const content = Buffer.from(`${lines.join('\n')}\n\n${text}\n`)
      return { path: await writeNewFile({ directory, stem, extension: 'txt' }, content) }
    },
  }
}
