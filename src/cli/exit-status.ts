/** What the exit status says to scripts. */
export const exitStatus = {
  done: 0,
  failed: 1,
  usage: 2,
  /** A check found something. */
  found: 3,
  /** The database or a server is out of reach. */
  unreachable: 4,
  /** EX_CONFIG of sysexits.h. */
  configuration: 78,
  /** 128 + SIGINT, as a shell reports a process that was interrupted. */
  interrupted: 130,
} as const
