/** Longest answer that is waited for; RFC 5321 (4.5.3.1.5) allows 512 bytes a line. */
const longestReply = 64 * 1024

const lineFeed = 0x0a
const carriageReturn = 0x0d
const hyphen = 0x2d

/** Makes whole answers of the bytes that a server sends, however they are cut up. */
export class ReplyReader {
  /** A character for each byte: what has come and was not yet given out. */
  #bytes = ''

  push(chunk: Buffer): void {
    const text = chunk.toString('latin1')
    this.#bytes = this.#bytes === '' ? text : this.#bytes + text
  }

  /** The next answer with all of its lines, without its end of line; undefined until it is complete. */
  next(): string | undefined {
    this.#skipEmptyLines()
    const bytes = this.#bytes
    for (let line = 0; ; ) {
      const end = bytes.indexOf('\n', line)
      if (end < 0) return undefined
      if (bytes.charCodeAt(line + 3) !== hyphen) {
        this.#bytes = bytes.slice(end + 1)
        return decoded(bytes.slice(0, bytes.charCodeAt(end - 1) === carriageReturn ? end - 1 : end))
      }
      line = end + 1
    }
  }

  /** More has come than an answer may have. */
  get overflowing(): boolean {
    return this.#bytes.length > longestReply
  }

  #skipEmptyLines(): void {
    const bytes = this.#bytes
    let start = 0
    for (;;) {
      const at = bytes.charCodeAt(start)
      const length = at === lineFeed ? 1 : at === carriageReturn && bytes.charCodeAt(start + 1) === lineFeed ? 2 : 0
      if (length === 0) break
      start += length
    }
    if (start > 0) this.#bytes = bytes.slice(start)
  }
}

const beyondAscii = /[\u0080-\u00ff]/

/** Servers speak UTF-8, or something older. */
function decoded(bytes: string): string {
  if (!beyondAscii.test(bytes)) return bytes
  const text = Buffer.from(bytes, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? bytes : text
}
