export interface Edit {
  /** Below src. */
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

/** What is taken out of the code, to see whether it is missed. */
export const mutations = {
  fence: [
    {
      file: 'queue/outcome-record.ts',
      find: 'WHERE id = r.id AND claim_token = r.token FOR NO KEY UPDATE',
      replace: 'WHERE id = r.id FOR NO KEY UPDATE',
    },
  ],
  'hand-over mark': [
    {
      file: 'queue/leased-table.ts',
      find: '(token) SELECT token FROM ours ON CONFLICT DO NOTHING',
      replace: '(token) SELECT token FROM ours WHERE false',
    },
  ],
  'lease check': [
    { file: 'queue/lease.ts', find: 'return performance.now() > this.expiresAt', replace: 'return false' },
    {
      file: 'queue/leased-table.ts',
      find: "AND q.may_go AND q.claim_token = c.token AND q.status = 'sending' AND q.leased_until > now()",
      replace: '',
    },
  ],
  'record of parts': [
    {
      file: 'notifications/notice-delivery.ts',
      find: 'keep: (parts) => keepParts(database, row, parts)',
      replace: 'keep: async () => {}',
    },
  ],
  'record of recipients': [
    {
      file: 'email/prepare.ts',
      find: "return state && state.state !== 'deferred' ? [[address, state]] : []",
      replace: 'return []',
    },
  ],
} as const satisfies Readonly<Record<string, readonly Edit[]>>

export type Mutation = keyof typeof mutations

/** The source of a module with the mutation, where that concerns it. Throws when the code is not what the mutation knows. */
export function mutate(mutation: Mutation | undefined, file: string, source: string): string {
  const edits: readonly Edit[] = mutation === undefined ? [] : mutations[mutation]
  return edits.filter((edit) => edit.file === file).reduce((text, edit) => apply(text, edit), source)
}

function apply(source: string, { file, find, replace }: Edit): string {
  if (source.split(find).length !== 2) throw new Error(`${file} does not have exactly once: ${find}`)
  return source.replace(find, () => replace)
}
