/** The parts of a message by name: each begins with its own, and comes to Telegram as a message. */
export function piecesOf(key: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${key}p${index + 1}`)
}

/** The parts that a text holds. */
export function piecesIn(text: unknown): string[] {
  return String(text).match(/\bn\d+p\d+\b/g) ?? []
}

/** Of the message that it is a part of. */
export function keyOf(piece: string): string {
  return piece.replace(/p\d+$/, '')
}
