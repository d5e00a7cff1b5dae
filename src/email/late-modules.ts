import { createRequire } from 'node:module'

// Rendering is synchronous, and most mails have no template: these are loaded with the first that has one, not at the start of the process.
const load = createRequire(import.meta.url)

export function liquid(): typeof import('liquidjs') {
  return load('liquidjs')
}

export function luxon(): typeof import('luxon') {
  return load('luxon')
}
