/** What has an end that somebody is told about, as the ledger and the specification's view name it. */
export const entityTypes = ['projects', 'portraits', 'companies', 'orders'] as const

export type EntityType = (typeof entityTypes)[number]

/** The words of `lifecycle_status`, in their order. */
export const lifecycleStates = ['active', 'expiring', 'expired', 'suspended'] as const

export type LifecycleState = (typeof lifecycleStates)[number]
