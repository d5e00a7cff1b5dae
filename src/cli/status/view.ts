import type { Screen } from '../screen.ts'

/** What the parts of the screen are made for. */
export interface View {
  readonly screen: Screen
  /** By the database's clock. */
  readonly now: Date
}
