/** What came of reading a text: the value it stands for, or why it stands for none (a phrase such as `has no @`). */
export type Reading<T> = { readonly value: T } | { readonly reason: string }
