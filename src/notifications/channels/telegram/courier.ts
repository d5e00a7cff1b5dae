import type { TelegramApi, TelegramResult } from '../../../telegram/api.ts'
import { plainText } from '../../../telegram/markup.ts'
import type { Outbox } from '../outbox.ts'
import { longestCaption, longestText, type Part } from './message.ts'
import type { Form } from './policy.ts'

/** One request, or what stands for it. */
export interface Errand {
  readonly chatId: string
  readonly part: Part
  readonly form: Form
  readonly notificationId: number
  /** 1 and up, for people to read. */
  readonly number: number
  readonly of: number
  readonly mayWrite: () => Promise<boolean>
}

/** Takes the parts of a message where they are to go. */
export interface Courier {
  /** A host or a directory. */
  readonly destination: string
  /** Never rejects for what a server, a network or a disk can do. */
  send(errand: Errand): Promise<TelegramResult<{ readonly message_id: number }>>
  close(): void
}

export function telegramCourier(api: TelegramApi): Courier {
  return {
    destination: api.destination,
    send: ({ chatId, part, form, mayWrite }) =>
      api.call<{ readonly message_id: number }>((methods) => {
        const { imageUrl, buttons } = part
        const isCaption = imageUrl !== undefined && form.image
        const text = form.plain ? plainText(part.html, isCaption ? longestCaption : longestText) : part.html
        const common = {
          chat_id: chatId,
          ...(!form.plain && { parse_mode: 'HTML' as const }),
          ...(buttons.length > 0 && { reply_markup: { inline_keyboard: buttons.map((row) => [...row]) } }),
        }
        if (!isCaption) return methods.sendMessage({ ...common, text })
        return methods.sendPhoto({ ...common, photo: imageUrl, ...(text !== '' && { caption: text }) })
      }, mayWrite),
    close: () => api.close(),
  }
}

/** The same parts as files. */
export function outboxCourier(outbox: Outbox): Courier {
  let closed = false
  return {
    destination: outbox.directory,
    async send({ chatId, part, notificationId, number, of, mayWrite }) {
      const isMeant = !closed && (await mayWrite().catch(() => false))
      if (!isMeant) return { ok: false, fault: { kind: 'withdrawn', description: 'nothing was written' } }
      const fields = {
        To: `Telegram chat ${chatId}`,
        Notification: String(notificationId),
        ...(of > 1 && { Part: `${number} of ${of}` }),
        ...(part.imageUrl !== undefined && { Image: part.imageUrl }),
        ...(part.buttons.length > 0 && {
          Buttons: part.buttons
            .flat()
            .map(({ text, url }) => `[${text}](${url})`)
            .join(' '),
        }),
      }
      try {
        await outbox.write({ notificationId, title: plainText(part.html), fields, text: part.html })
        return { ok: true, result: { message_id: number } }
      } catch (error) {
        const description = error instanceof Error ? error.message : 'the outbox cannot be written to'
        return { ok: false, fault: { kind: 'unreachable', description } }
      }
    },
    close() {
      closed = true
    },
  }
}
