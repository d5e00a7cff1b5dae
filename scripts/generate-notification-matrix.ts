/** Writes docs/notification-outcomes.md from the tables that the tests of the channels go through. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderMatrix } from '../test/notifications/matrix/render.ts'

writeFileSync(join(import.meta.dirname, '../docs/notification-outcomes.md'), renderMatrix())
