import { init } from 'echarts'
import { median } from '../support/quantiles.ts'
import type { Throughput } from './results.ts'
import { number } from './section.ts'

/** Stand-ins that the style below replaces, so that one drawing suits a light page and a dark one. */
const ink = '#010101'
const line = '#020202'
const ours = '#030303'
const theirs = '#040404'

const style = `<style>
[fill="${ink}"]{fill:#1f2328}[stroke="${line}"]{stroke:#d1d9e0}[fill="${ours}"]{fill:#2f6feb}[fill="${theirs}"]{fill:#818b98}
@media (prefers-color-scheme:dark){[fill="${ink}"]{fill:#f0f6fc}[stroke="${line}"]{stroke:#3d444d}[fill="${ours}"]{fill:#58a6ff}[fill="${theirs}"]{fill:#8b949e}}
</style>`

/** Mails in a second as bars, the fastest on top. The same results give the same bytes. */
export function renderChart({ contestants, mails, connections }: Throughput): string {
  const bars = contestants
    .filter(({ key }) => key !== 'withoutLedger')
    .map(({ key, name, perSecond }) => ({ name, value: median(perSecond), ours: key.startsWith('fleet') }))
    .toSorted((a, b) => a.value - b.value)
  const text = { color: ink, fontFamily: 'sans-serif', fontSize: 13 }
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 820, height: 90 + 44 * bars.length })
  chart.setOption({
    animation: false,
    title: {
      text: `Mails in a second: ${number(mails)} mails, ${connections} SMTP connections`,
      textStyle: { ...text, fontSize: 15 },
    },
    grid: { left: 300, right: 70, top: 44, bottom: 36 },
    xAxis: {
      type: 'value',
      axisLabel: { ...text, formatter: (value: number) => number(value) },
      splitLine: { lineStyle: { color: line } },
    },
    yAxis: {
      type: 'category',
      data: bars.map(({ name }) => name),
      axisLabel: { ...text, interval: 0 },
      axisLine: { show: false },
      axisTick: { show: false },
    },
    series: {
      type: 'bar',
      silent: true,
      data: bars.map((bar) => ({ value: bar.value, itemStyle: { color: bar.ours ? ours : theirs } })),
      label: { ...text, show: true, position: 'right', formatter: ({ value }) => number(Number(value)) },
    },
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${withoutNames(svg).replace(/(<svg[^>]*>)/, `$1\n${style}`)}\n`
}

/** Names that echarts numbers anew for each chart of a process, for effects that a picture has not. */
function withoutNames(svg: string): string {
  return svg
    .replaceAll(/ class="zr\d+-cls-\d+"/g, '')
    .replaceAll(/<style\s*>\s*<!\[CDATA\[[\s\S]*?\]\]>\s*<\/style>/g, '')
}
