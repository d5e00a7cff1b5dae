import module from 'node:module'
import { join } from 'node:path'
import { projectFolder } from '../runtime/folders.ts'

/**
 * For the shortest start; only what is imported after this call benefits. Node.js keeps what it compiles, the stripped TypeScript too, for the next
 * start; where the folder cannot be written, quietly not. NODE_COMPILE_CACHE names another, NODE_DISABLE_COMPILE_CACHE=1 turns it off.
 */
export function startFast(): void {
  module.enableCompileCache(join(projectFolder, 'node_modules/.cache/compiled'))
  module.registerHooks({ resolve: resolveRelative })
}

/** A relative import is a URL already. Node.js would look for the file, its real path and its package once more, which costs more than all compiling. */
const resolveRelative: module.ResolveHookSync = (specifier, context, next) => {
  const { parentURL, conditions } = context
  const isRelative = specifier.startsWith('./') || specifier.startsWith('../')
  if (!isRelative || parentURL === undefined || !conditions.includes('import')) return next(specifier, context)
  return { url: new URL(specifier, parentURL).href, shortCircuit: true }
}
