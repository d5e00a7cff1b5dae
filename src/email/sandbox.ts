import type { Allowlist } from '../config/allowlist.ts'
import type { Mailbox } from '../runtime/mail-address.ts'
import type { Draft } from './compose.ts'

/** What keeps the mail of a test installation from people. In production both are undefined. */
export interface Sandbox {
  /** Gets what others were to get. */
  readonly overrideTo: Mailbox | undefined
  /** Who gets mail as if it were no test. */
  readonly allowlist: Allowlist | undefined
}

export type Diversion =
  | { readonly kind: 'none' }
  | { readonly kind: 'held'; readonly outside: readonly string[] }
  | { readonly kind: 'redirected'; readonly to: Mailbox }

/** Whom a mail for these addresses really goes to. One that is not on the list is enough to keep it from all of them. */
export function divert(addresses: readonly string[], { overrideTo, allowlist }: Sandbox): Diversion {
  if (overrideTo === undefined && allowlist === undefined) return { kind: 'none' }
  const outside = allowlist === undefined ? addresses : addresses.filter((address) => !isOn(allowlist, address))
  if (outside.length === 0) return { kind: 'none' }
  return overrideTo === undefined ? { kind: 'held', outside } : { kind: 'redirected', to: overrideTo }
}

function isOn(allowlist: Allowlist, address: string): boolean {
  const lower = address.toLowerCase()
  return allowlist.includes(lower) || allowlist.includes(lower.slice(lower.lastIndexOf('@')))
}

/** The draft as the one who gets it instead sees it: whom it was for stands in the subject and, in full, in a field of its own. */
export function redirect(draft: Draft, { to, addresses }: { to: Mailbox; addresses: readonly string[] }): Draft {
  const [first, ...others] = addresses
  const whom = others.length === 0 ? first : `${first} and ${others.length} more`
  return {
    ...draft,
    to: [to],
    cc: [],
    subject: `[to ${whom}] ${draft.subject}`,
    headers: { ...draft.headers, 'X-Original-Recipients': addresses.join(', ') },
  }
}
