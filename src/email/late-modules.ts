import { createRequire } from 'node:module'

// Rendering is synchronous, and most mails have no template: these are loaded with the first that has one, not at the start of the process.
const load = createRequire(import.meta.url)

let liquidModule: typeof import('liquidjs') | undefined
let luxonModule: typeof import('luxon') | undefined

// Asked for again, `load` would look for the file anew: a third of what a notice costs.
export function liquid(): typeof import('liquidjs') {
  liquidModule ??= load('liquidjs') as typeof import('liquidjs')
  return liquidModule
}

export function luxon(): typeof import('luxon') {
  luxonModule ??= load('luxon') as typeof import('luxon')
  return luxonModule
}
