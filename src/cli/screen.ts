import colors from 'picocolors'

/** What text is written for: how wide it may be, and whether it may have colours. */
export interface Screen {
  readonly isTerminal: boolean
  /** In columns; Infinity where nothing is cut. */
  readonly width: number
  readonly colors: ReturnType<typeof colors.createColors>
}

interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** Colours and a width only on a terminal; NO_COLOR (no-color.org) takes the colours away there, too. */
export function screenOf(stream: Output, env: NodeJS.ProcessEnv): Screen {
  const isTerminal = stream.isTTY === true
  const colored = isTerminal && !env.NO_COLOR && env.TERM !== 'dumb'
  const width = isTerminal && stream.columns ? stream.columns : Number.POSITIVE_INFINITY
  return { isTerminal, width, colors: colors.createColors(colored) }
}
