/** What can become of the mail of a notification, and what the notification says then. */
export interface MailCell {
  /** In plain words. */
  readonly answer: string
  /** What a mail worker, an operator or another program does. */
  readonly change: string
  readonly status: 'sending' | 'sent' | 'failed' | 'cancelled' | 'expired' | 'held'
  readonly errorClass: string | null
  readonly emailSent: boolean
  readonly also: string
}

const mail = (status: string, errorClass?: string): string =>
  `UPDATE email_queue SET status = '${status}', error_class = ${errorClass ? `'${errorClass}'` : 'NULL'},
          last_error = ${errorClass ? `'what the server said'` : 'NULL'}`

/** Every end of a mail, and what is on the way there; attempts at it are in the ledger of mail. */
export const mailMatrix: readonly MailCell[] = [
  {
    answer: 'the mail waits, or is being sent',
    change: mail('sending'),
    status: 'sending',
    errorClass: null,
    emailSent: false,
    also: '',
  },
  {
    answer: 'it fails for now',
    change: mail('pending', 'mailbox_full'),
    status: 'sending',
    errorClass: 'mailbox_full',
    emailSent: false,
    also: 'what went wrong is in `email_error`',
  },
  { answer: 'it is sent', change: mail('sent'), status: 'sent', errorClass: null, emailSent: true, also: '' },
  {
    answer: 'it fails for good',
    change: mail('failed', 'recipient_unknown'),
    status: 'failed',
    errorClass: 'recipient_unknown',
    emailSent: false,
    also: 'the fallback is tried',
  },
  {
    answer: 'it is held',
    change: mail('held', 'answer_lost'),
    status: 'held',
    errorClass: 'answer_lost',
    emailSent: false,
    also: '',
  },
  {
    answer: 'it expires',
    change: mail('expired', 'expired'),
    status: 'expired',
    errorClass: 'expired',
    emailSent: false,
    also: '',
  },
  {
    answer: 'somebody cancels it',
    change: mail('cancelled'),
    status: 'cancelled',
    errorClass: null,
    emailSent: false,
    also: '',
  },
  {
    answer: 'somebody deletes it before its end',
    change: 'DELETE FROM email_queue',
    status: 'cancelled',
    errorClass: 'mail_deleted',
    emailSent: false,
    also: '',
  },
  {
    answer: 'somebody replays it after it failed',
    change: `${mail('failed', 'timeout')}; UPDATE email_queue SET status = 'pending'`,
    status: 'sending',
    errorClass: 'timeout',
    emailSent: false,
    also: '',
  },
]
