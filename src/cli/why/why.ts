import type { Explanation } from '../../ops/why/explanation.ts'
import type { Answer } from '../answer.ts'
import { printable } from '../printable.ts'
import { formatExactTime } from '../times.ts'

/** One sentence, and the evidence below it. `facts` are what it rests on, for programs. */
export function answerWhy(explanation: Explanation<string>, facts: { readonly now: Date }): Answer {
  const { sentence, evidence, remedy } = explanation
  return {
    document: { ...explanation, facts },
    text: ({ colors }) =>
      [
        colors.bold(printable(sentence)),
        ...(remedy === null ? [] : [`To do: ${printable(remedy)}`]),
        ...(evidence.length === 0 ? [] : ['']),
        ...evidence.map(({ at, text }) => `${colors.dim(formatExactTime(at, facts.now))}  ${printable(text)}`),
        '',
      ].join('\n'),
  }
}
