/**
 * Keeps a whole channel from being claimed for, by every process: for what a next system says about us rather than about one message.
 * Each method is one statement; it rejects where the database is out of reach.
 */
export interface ChannelPause {
  /** Nothing is claimed for so long from now, or longer where that was said before. */
  pause(forMs: number, reason: string): Promise<void>
  /**
   * The next system takes nothing from us. The pause doubles with each outage after another, from a second to a minute; those who
   * tell of one while it lasts do not lengthen it. Answers how long it still lasts, in milliseconds.
   */
  outage(reason: string): Promise<number>
  /** Something has got through: the next outage begins with a short pause again. Writes nothing where none has been. */
  passed(): Promise<void>
}
