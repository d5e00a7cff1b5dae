import module from 'node:module'
import { join } from 'node:path'
import { projectFolder } from '../runtime/folders.ts'

/**
 * Has Node.js keep what it compiles, the stripped TypeScript too, for the next start; where the folder cannot be written, quietly not. Only what is imported
 * after this call benefits. NODE_COMPILE_CACHE names another folder, NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 */
export function keepCompiled(): void {
  module.enableCompileCache(join(projectFolder, 'node_modules/.cache/compiled'))
}
