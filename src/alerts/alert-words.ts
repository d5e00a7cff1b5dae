import type { Locale } from '../email/locale.ts'
import type { Alert, AlertKind, Detail, Finding, Severity } from './alert.ts'

interface KindWords {
  readonly title: (subject: string) => string
  readonly detail: (detail: Detail) => readonly string[]
}

interface Words {
  readonly over: string
  readonly since: string
  readonly until: string
  readonly minutes: string
  readonly first: string
  readonly runbook: string
  readonly severities: Readonly<Record<Severity, string>>
  readonly kinds: Readonly<Record<AlertKind, KindWords>>
}

const gib = 1024 ** 3

const words: Readonly<Record<Locale, Words>> = {
  ru: {
    over: 'Закончилось',
    since: 'С',
    until: 'до',
    minutes: 'мин',
    first: 'Сначала',
    runbook: 'Что делать',
    severities: { critical: 'Срочно', warning: 'Важно', info: 'К сведению' },
    kinds: {
      'backlog-too-old': {
        title: (queue) => `Очередь ${queue} отстаёт`,
        detail: ({ due, minutes }) => [`Ждут: ${due}, старейшее ${minutes} мин`],
      },
      'failure-share-too-high': {
        title: (queue) => `Слишком много неудач: ${queue}`,
        detail: ({ failed, attempts, percent }) => [
          `Неудачных попыток за 15 мин: ${failed} из ${attempts} (${percent} %)`,
        ],
      },
      outage: {
        title: (subject) =>
          subject === 'email' ? 'Почтовый сервер не принимает письма' : `Не принимает сообщения: ${subject}`,
        detail: reasonLine('Ответ'),
      },
      'no-worker-alive': { title: (name) => `Не работает ни один процесс ${name}`, detail: () => [] },
      'sweep-overdue': {
        title: () => 'Подписки давно не проверялись',
        detail: ({ minutes, outcome }) => [
          `Последняя проверка ${minutes} мин назад${outcome === 'blocked' ? '; следующая остановлена защитой' : ''}`,
        ],
      },
      'queue-growth': {
        title: (queue) => `Очередь ${queue} растёт`,
        detail: ({ due, before }) => [`Ждут: ${due}, полчаса назад ${before}`],
      },
      'disk-growth': {
        title: (subject) => (subject === 'database' ? 'База данных быстро растёт' : `Диск почти полон: ${subject}`),
        detail: (detail) =>
          diskLines(detail, { used: 'Занято', grown: 'За сутки выросла на', size: 'сейчас', unit: 'ГиБ' }),
      },
      'wrong-database': { title: () => 'Не та база данных: ничего не отправляется', detail: reasonLine('Причина') },
      'host-load': {
        title: (subject) => `Перегружен ${subject}`,
        detail: ({ percent }) => [`Занято: ${percent} %`],
      },
      'database-unreachable': { title: () => 'База данных недоступна', detail: reasonLine('Причина') },
    },
  },
  en: {
    over: 'Over',
    since: 'From',
    until: 'to',
    minutes: 'min',
    first: 'Run first',
    runbook: 'Runbook',
    severities: { critical: 'Critical', warning: 'Warning', info: 'For information' },
    kinds: {
      'backlog-too-old': {
        title: (queue) => `Queue ${queue} is behind`,
        detail: ({ due, minutes }) => [`Waiting: ${due}, the oldest for ${minutes} min`],
      },
      'failure-share-too-high': {
        title: (queue) => `Too many failures: ${queue}`,
        detail: ({ failed, attempts, percent }) => [
          `Failed attempts of the last 15 min: ${failed} of ${attempts} (${percent} %)`,
        ],
      },
      outage: {
        title: (subject) => (subject === 'email' ? 'The mail server takes nothing' : `Takes nothing: ${subject}`),
        detail: reasonLine('It says'),
      },
      'no-worker-alive': { title: (name) => `No ${name} worker is alive`, detail: () => [] },
      'sweep-overdue': {
        title: () => 'Subscriptions have not been swept',
        detail: ({ minutes, outcome }) => [
          `The last sweep was ${minutes} min ago${outcome === 'blocked' ? '; the next was stopped by the flood guard' : ''}`,
        ],
      },
      'queue-growth': {
        title: (queue) => `Queue ${queue} grows`,
        detail: ({ due, before }) => [`Waiting: ${due}, half an hour ago ${before}`],
      },
      'disk-growth': {
        title: (subject) =>
          subject === 'database' ? 'The database grows fast' : `The disk is almost full: ${subject}`,
        detail: (detail) =>
          diskLines(detail, { used: 'Used', grown: 'Grown within a day by', size: 'now', unit: 'GiB' }),
      },
      'wrong-database': { title: () => 'The wrong database: nothing is sent', detail: reasonLine('Reason') },
      'host-load': { title: (subject) => `Overloaded: ${subject}`, detail: ({ percent }) => [`Used: ${percent} %`] },
      'database-unreachable': { title: () => 'The database is out of reach', detail: reasonLine('Reason') },
    },
  },
}

/** How alerts are worded in a language. */
export function wordsOf(locale: Locale) {
  const { kinds, severities, ...rest } = words[locale]
  return {
    ...rest,
    title: ({ kind, subject }: Pick<Finding, 'kind' | 'subject'>): string => kinds[kind].title(subject),
    detail: ({ kind, detail }: Alert): readonly string[] => kinds[kind].detail(detail),
    severity: ({ severity }: Alert): string => severities[severity],
  }
}

function reasonLine(label: string): KindWords['detail'] {
  return ({ reason }) => (reason === null || reason === undefined || reason === '' ? [] : [`${label}: ${reason}`])
}

function diskLines(
  { percent, bytes, growth }: Detail,
  say: Readonly<Record<'used' | 'grown' | 'size' | 'unit', string>>,
): string[] {
  const amount = (value: string | number | null | undefined) => `${(Number(value) / gib).toFixed(1)} ${say.unit}`
  return percent === undefined
    ? [`${say.grown} ${amount(growth)}, ${say.size} ${amount(bytes)}`]
    : [`${say.used}: ${percent} %`]
}
