import { parseRecipients } from '../../email/addresses.ts'
import { columnWidths } from '../../ops/send-mail.ts'
import { usageError } from '../cli-error.ts'

interface Given {
  readonly to: readonly string[]
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
}

/** The recipients' fields as the queue holds them, every address of which can be written to. */
export function readRecipients({ to, cc, bcc }: Given): { to: string; cc: string | null; bcc: string | null } {
  const field = readField('--to', to)
  if (field === null) throw usageError('--to names no recipient')
  return { to: field, cc: readField('--cc', cc), bcc: readField('--bcc', bcc) }
}

function readField(option: string, given: readonly string[] = []): string | null {
  const text = given.join(', ')
  const { recipients, faults } = parseRecipients(text)
  const [fault] = faults
  if (fault)
    throw usageError(
      `${option}: ${JSON.stringify(fault.given)} ${fault.reason}`,
      'write name@example.org or "Name <name@example.org>"',
    )
  if (recipients.length === 0) return null
  if ([...text].length > columnWidths.recipients) {
    throw usageError(`${option} is longer than ${columnWidths.recipients} characters`, 'send several mails')
  }
  return text
}
