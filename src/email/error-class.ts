/**
 * The words that `email_queue.error_class` holds and operators filter by, each with what it says. `docs/email-queue.md` lists them.
 */
export const errorClasses = {
  recipient_unknown: 'no such mailbox',
  recipient_invalid: 'the address is not one that can be written to',
  domain_unknown: 'the domain takes no mail',
  mailbox_full: 'the mailbox is full',
  mailbox_unavailable: 'the mailbox is not available',
  too_many_recipients: 'too many recipients at once',
  too_large: 'the message is too large',
  content_rejected: 'the server rejected the content',
  policy_refused: "refused by the server's policy",
  smtputf8_unsupported: 'the server does not take international addresses',
  server_unavailable: 'the server cannot take mail now',
  network: 'the server cannot reach the next one',
  protocol: 'the server did not understand',
  timeout: 'the server stopped answering',
  connection_lost: 'the connection was lost before the message was handed over',
  answer_lost: 'the message was handed over, but its answer never came: it may have arrived',
  unreachable: 'the mail server cannot be reached',
  tls: 'no secure connection to the mail server',
  login_refused: 'the mail server refuses our login',
  sender_refused: 'the mail server takes no mail from our sender address',
  no_recipient: 'the row names no recipient',
  template_unknown: 'no template has this template_id',
  template_variables: 'the variables do not fit the template',
  template_broken: 'the template cannot be rendered',
  expired: 'not sent before its not_after',
  worker_died: 'the worker that had the row in hand died',
  not_allowed: 'a test installation does not allow mail to somebody it is for',
  internal: 'a fault of the fleet itself',
} as const

export type ErrorClass = keyof typeof errorClasses
