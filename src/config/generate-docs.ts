import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { renderDocumentation } from './documentation.ts'

writeFileSync(resolve(import.meta.dirname, '../../docs/config.md'), renderDocumentation())
