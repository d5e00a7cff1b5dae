import { describe, expect, it } from 'vitest'
import { readContent } from '../../src/cli/email/content.ts'
import { readRecipients } from '../../src/cli/email/recipients.ts'
import { readJsonOption } from '../../src/cli/json-option.ts'

describe('recipients', () => {
  it('are kept as they were written', () => {
    expect(readRecipients({ to: ['Ann <a@example.org>', 'b@example.org'], bcc: ['c@example.org'] })).toEqual({
      to: 'Ann <a@example.org>, b@example.org',
      cc: null,
      bcc: 'c@example.org',
    })
  })

  it.each([
    [{ to: ['x@'] }, '--to: "x@" has no domain'],
    [{ to: ['a@example.org'], cc: ['b@example.org, nobody'] }, '--cc: "nobody" has no @'],
    [{ to: ['a@example.org'], bcc: ['a@example.org\nBcc: b@example.org'] }, 'control character'],
    [{ to: [' , '] }, '--to names no recipient'],
    [{ to: Array<string>(20).fill('somebody@example.org') }, '--to is longer than 255 characters'],
  ])('that nobody can write to are refused: %j', (given, reason) => {
    expect(() => readRecipients(given)).toThrow(reason)
  })
})

describe('variables', () => {
  it('are a JSON object, or none', () => {
    expect(readJsonOption('--variables', '{"a":{"b":[1,null]}}')).toEqual({ a: { b: [1, null] } })
    expect(readJsonOption('--variables', undefined)).toEqual({})
  })

  it.each(['[1]', 'null', '"text"', '1'])('that are %s are refused', (text) => {
    expect(() => readJsonOption('--variables', text)).toThrow('--variables is no JSON object')
  })

  it('that are no JSON are refused', () => {
    expect(() => readJsonOption('--variables', '{')).toThrow('--variables is no JSON: ')
  })
})

describe('what the mail says', () => {
  it('may be empty where it is said to be', async () => {
    expect(await readContent({ text: '' })).toEqual({ text: '', html: null })
    expect(await readContent({ template: 't' })).toEqual({ text: '', html: null })
  })

  it.each([
    [{ text: 't', textFile: 'f' }, '--text and --text-file exclude each other'],
    [{ html: 'h', htmlFile: 'f' }, '--html and --html-file exclude each other'],
    [{ template: 't', html: 'h' }, 'a template brings its own text and HTML'],
    [{ textFile: '/nowhere' }, '--text-file: ENOENT'],
    [{ htmlFile: process.execPath }, `${process.execPath} is not UTF-8`],
    [{ text: 'a\0b' }, 'the text holds a NUL character'],
    [{ text: 'a', html: '\0' }, 'the HTML holds a NUL character'],
  ])('is refused: %j', async (options, reason) => {
    await expect(readContent(options)).rejects.toThrow(reason)
  })
})
