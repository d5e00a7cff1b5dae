/** One command line of `docs/cli.md`, and what is shown of it. */
export interface Example {
  /** What stands after `fleet `, as a shell would read it. */
  readonly line: string
  /** It is about the schema itself: shown on a database that nothing has been done to. */
  readonly fresh?: true
  /** So many lines of each output, where there are many. */
  readonly most?: number
}

/** By command, in the words that it is given by. Every command has one. */
export const examples: Readonly<Record<string, readonly Example[]>> = {
  'migrate up': [{ line: 'migrate up', fresh: true }],
  'migrate down': [{ line: 'migrate down --dry-run', fresh: true, most: 12 }],
  'migrate to': [{ line: 'migrate to 20260308000200_create_storage_tables --dry-run', fresh: true, most: 12 }],
  'migrate status': [{ line: 'migrate status', fresh: true, most: 10 }],
  'migrate history': [{ line: 'migrate history', fresh: true, most: 10 }],
  'migrate current': [{ line: 'migrate current', fresh: true }],
  'migrate check': [{ line: 'migrate check', fresh: true, most: 20 }],
  'migrate sql': [{ line: 'migrate sql', fresh: true, most: 10 }],
  'migrate stamp': [{ line: 'migrate stamp 20260308000200_create_storage_tables --dry-run', fresh: true, most: 12 }],
  'migrate rls status': [{ line: 'migrate rls status', fresh: true, most: 12 }],
  'migrate rls enable': [{ line: 'migrate rls enable --dry-run', fresh: true, most: 12 }],
  'migrate rls disable': [{ line: 'migrate rls disable --dry-run', fresh: true, most: 12 }],
  'email send': [{ line: 'email send --to ann@example.org --subject Hello --text "It works"' }],
  'email list': [{ line: 'email list --status failed' }],
  'email show': [{ line: 'email show 42' }],
  'email why': [{ line: 'email why 42' }, { line: 'email why 46' }],
  'email replay': [{ line: 'email replay --error-class mailbox_full --dry-run' }, { line: 'email replay --id 42' }],
  'email release': [{ line: 'email release --id 45 --yes' }],
  'email cancel': [{ line: 'email cancel --id 46' }],
  'replay list': [{ line: 'replay list' }],
  'replay show': [{ line: 'replay show 6' }],
  'replay stop': [{ line: 'replay stop 7 --dry-run' }, { line: 'replay stop 7' }],
  'notification send': [{ line: 'notification send --channel email --to ann@example.org --text "It works"' }],
  'notification list': [{ line: 'notification list --status failed' }],
  'notification show': [{ line: 'notification show 61' }],
  'notification why': [{ line: 'notification why 61' }],
  'project why': [{ line: 'project why 21' }],
  'portrait why': [{ line: 'portrait why 31' }],
  'notification replay': [{ line: 'notification replay --error-class bot_blocked --dry-run' }],
  'notification release': [{ line: 'notification release --status held --dry-run' }],
  'notification cancel': [{ line: 'notification cancel --id 62' }],
  'queue status': [{ line: 'queue status' }],
  'queue pause': [{ line: 'queue pause email --until 2h --reason "wrong template"' }],
  'queue resume': [{ line: 'queue resume telegram' }],
  'adopt-database': [{ line: 'adopt-database --held-since 2026-03-02T03:00 --dry-run' }],
  'alerts list': [{ line: 'alerts list' }],
  'alerts check': [{ line: 'alerts check', fresh: true }],
  'users list': [{ line: 'users list' }],
  'users unlock': [{ line: 'users unlock admin@vertexar.com' }],
  sweep: [{ line: 'sweep --plan' }, { line: 'sweep' }],
  status: [{ line: 'status' }],
  search: [{ line: 'search lighthouse' }],
  forget: [{ line: 'forget nobody@gone.example --dry-run' }],
  doctor: [{ line: 'doctor', fresh: true, most: 60 }],
}

/** Commands that are not run for the page. */
export const unshown: Readonly<Record<string, string>> = {
  up: 'It runs until Ctrl-C.',
  'users add': 'It asks for a password.',
  'users set-password': 'It asks for a password.',
  'company link-telegram': 'It asks Telegram for the name of the bot.',
}
