/** What a Bot API server does with a request. */
export type BotAnswer =
  | {
      readonly status: number
      /** A text is written as it is, anything else as JSON. */
      readonly body: unknown
      /** The message counts as delivered, whatever the answer says; else only one answered with 200 and `ok` does. */
      readonly taken?: true
    }
  /** Cuts the connection (RST), or never answers. */
  | { readonly act: 'reset' | 'silence'; readonly taken: boolean }

/** The answers that a bot meets, in Telegram's words. */
export const botAnswers = {
  throttled: (seconds: number) => refusal(429, `Too Many Requests: retry after ${seconds}`, { retry_after: seconds }),
  migrated: (to: number) =>
    refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: to }),
  blocked: refusal(403, 'Forbidden: bot was blocked by the user'),
  kicked: refusal(403, 'Forbidden: bot was kicked from the supergroup chat'),
  deactivated: refusal(403, 'Forbidden: user is deactivated'),
  neverStarted: refusal(403, "Forbidden: bot can't initiate conversation with a user"),
  chatNotFound: refusal(400, 'Bad Request: chat not found'),
  noRights: refusal(400, 'Bad Request: not enough rights to send text messages to the chat'),
  cannotParse: refusal(400, `Bad Request: can't parse entities: Unsupported start tag "x" at byte offset 0`),
  emptyText: refusal(400, 'Bad Request: message text is empty'),
  wrongImage: refusal(400, 'Bad Request: wrong type of the web page content'),
  wrongToken: refusal(401, 'Unauthorized'),
  noSuchBot: refusal(404, 'Not Found'),
  serverError: refusal(500, 'Internal Server Error'),
  proxyError: { status: 502, body: '<html><body><h1>502 Bad Gateway</h1></body></html>' },
  /** A page with 200 where JSON is due: nobody knows whether the message has passed. */
  proxyPage: { status: 200, body: '<html><body>Please log in</body></html>' },
  brokenJson: { status: 200, body: '{"ok":true,"result":{"mess', taken: true },
  resetBefore: { act: 'reset', taken: false },
  resetAfter: { act: 'reset', taken: true },
  silenceBefore: { act: 'silence', taken: false },
  silenceAfter: { act: 'silence', taken: true },
} satisfies Record<string, BotAnswer | ((parameter: number) => BotAnswer)>

/** A refusal as Telegram writes it. */
export function refusal(code: number, description: string, parameters?: Readonly<Record<string, number>>): BotAnswer {
  return { status: code, body: { ok: false, error_code: code, description, ...(parameters && { parameters }) } }
}
