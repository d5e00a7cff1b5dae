import { describe, expect, it } from 'vitest'
import { plainText } from '../../src/telegram/markup.ts'

describe('markup as plain text', () => {
  it.each([
    ['<b>Renew</b> <a href="https://v.example/?a=1&amp;b=2">here</a>.', 'Renew here (https://v.example/?a=1&b=2).'],
    [
      "<a href='https://v.example'>one</a>, <a href=https://w.example>two</a>",
      'one (https://v.example), two (https://w.example)',
    ],
    ['<a href="https://v.example">https://v.example</a>', 'https://v.example'],
    ['<a>nothing</a> and </a>', 'nothing and '],
    ['<a href="https://v.example">not closed', 'not closed'],
    ['one<br>two<p>three</p>4 < 5 <x>', 'one\ntwothree\n4 < 5 <x>'],
  ])('%s', (html, text) => {
    expect(plainText(html)).toBe(text)
  })

  it('leaves addresses out where they would make it too long', () => {
    const html = '<a href="https://v.example">here</a>'
    expect(plainText(html, 24)).toBe('here (https://v.example)')
    expect(plainText(html, 23)).toBe('here')
  })
})
