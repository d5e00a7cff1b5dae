/** What `fleet.search` searches, in the order of its tables. */
export const searchKinds = ['company', 'project', 'client', 'portrait'] as const

export type SearchKind = (typeof searchKinds)[number]
