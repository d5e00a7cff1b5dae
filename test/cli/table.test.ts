import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { screenOf } from '../../src/cli/screen.ts'
import { renderTable } from '../../src/cli/table.ts'

const terminal = (columns: number) => screenOf({ isTTY: true, columns }, { NO_COLOR: '1' })
const pipe = screenOf({}, {})

const titles = [{ title: 'ID', align: 'right' as const }, { title: 'TO' }, { title: 'SUBJECT' }]
const rows = [
  ['1', 'ann@example.org', 'Short'],
  ['1024', '"Иванов, Пётр" <ivanov@example.org>', 'Напоминание: подписка заканчивается через семь дней, продлите её'],
  ['7', '受信者 <a@example.org>', '漢字の件名です、とても長いので切り詰められます 👩‍👩‍👧‍👦 e\u0301'],
].map((row) => row.map((text) => ({ text })))

describe('a table', () => {
  it.each([40, 60, 80, 120])('fits a terminal of %d columns, wide characters or not', (columns) => {
    const lines = renderTable(titles, rows, terminal(columns)).trimEnd().split('\n')
    expect(lines).toHaveLength(4)
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns)
    if (columns < 100) expect(lines[2]).toMatch(/…$/)
  })

  it('cuts the widest column first, and no more than it must', () => {
    const [, first, second] = renderTable(titles, rows, terminal(90)).split('\n')
    expect(first).toBe('   1  ann@example.org                      Short')
    expect(second).toContain('"Иванов, Пётр" <ivanov@example.org>  Напоминание: ')
    expect(stringWidth(second ?? '')).toBe(90)
  })

  it('cuts nothing where no terminal is', () => {
    const text = renderTable(titles, rows, pipe)
    for (const cell of rows.flat()) expect(text).toContain(cell.text)
    expect(text).not.toContain('…')
  })

  it('never splits what reads as one character', () => {
    const family = '👩‍👩‍👧‍👦'
    for (let columns = 3; columns < 40; columns += 1) {
      const text = renderTable([{ title: '' }], [[{ text: family.repeat(10) }]], terminal(columns))
      expect(text.replaceAll(family, '').trim().replace('…', '')).toBe('')
    }
  })

  it('shows what moves the cursor or turns the writing as what it is: nothing to obey', () => {
    const text = renderTable([{ title: 'X' }], [[{ text: 'a\u001b[2J\u0007b\r\nc\u202ed\ud800' }]], terminal(80))
    expect(text).toBe('X\na\ufffd[2J\ufffdb c\ufffdd\ufffd\n')
  })
})

describe('colours', () => {
  const paint = (env: NodeJS.ProcessEnv, isTTY: boolean) => screenOf({ isTTY, columns: 80 }, env).colors.red('x')

  it('are for terminals alone, and not for those who do not want them', () => {
    expect(paint({}, true)).toBe('\u001b[31mx\u001b[39m')
    expect(paint({ NO_COLOR: '' }, true)).toBe('\u001b[31mx\u001b[39m')
    expect(paint({ NO_COLOR: '1' }, true)).toBe('x')
    expect(paint({ TERM: 'dumb' }, true)).toBe('x')
    expect(paint({ CI: '1' }, false)).toBe('x')
  })
})
