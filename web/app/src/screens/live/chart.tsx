/** Lines over time, drawn by uPlot; what they show is in the table beside too. */
import { createEffect, on, onCleanup, onMount } from 'solid-js'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { theme } from '../../core/theme.js'
import { language } from '../../i18n/index.js'
import { spanOf } from './numbers.js'

export interface Line {
  label: string
  /** The custom property with its colour. */
  colour: string
  /** Told apart by more than colours. */
  dashed?: boolean
  /** There is not always a value: each of them is a point, so that one alone is seen too. */
  sparse?: boolean
}

const HEIGHT = 170
/** A line of nothing is drawn below the middle of this, not at the top. */
const LEAST_TOP = 4

export default function Chart(props: { label: string; lines: readonly Line[]; times: readonly number[]; values: ReadonlyArray<ReadonlyArray<number | null>> }) {
  let place!: HTMLDivElement
  let plot: uPlot | undefined
  const data = (): uPlot.AlignedData => [[...props.times], ...props.values.map((line) => [...line])]
  const make = () => {
    plot?.destroy()
    const styles = getComputedStyle(place)
    const colour = (name: string) => styles.getPropertyValue(name).trim()
    const font = `12px ${colour('--font')}`
    const axis: uPlot.Axis = { stroke: colour('--text-2'), font, grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } }
    const time = new Intl.DateTimeFormat(language() === 'en' ? 'en-GB' : language(), { hour: '2-digit', minute: '2-digit', second: '2-digit' })
    plot = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        padding: [8, 8, 0, 0],
        cursor: { show: false },
        legend: { show: false },
        select: { show: false, left: 0, top: 0, width: 0, height: 0 },
        scales: { x: { range: ({ data: [times] }) => spanOf(times) }, y: { range: (_, __, most) => [0, Math.max(LEAST_TOP, (most ?? 0) * 1.15)] } },
        axes: [
          { ...axis, size: 28, space: 90, values: (_, splits) => splits.map((split) => time.format(split * 1_000)) },
          { ...axis, size: 44, values: (_, splits) => splits.map((split) => split.toLocaleString(language())) },
        ],
        series: [
          {},
          ...props.lines.map((line): uPlot.Series => ({ label: line.label, stroke: colour(line.colour), width: 2, points: line.sparse ? { show: true, size: 5, fill: colour(line.colour) } : { show: false }, spanGaps: false, ...(line.dashed && { dash: [6, 4] }) })),
        ],
      },
      data(),
      place,
    )
  }
  onMount(() => {
    make()
    const sizes = new ResizeObserver(() => plot?.setSize({ width: place.clientWidth, height: HEIGHT }))
    sizes.observe(place)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', make)
    createEffect(on([theme, language], make, { defer: true }))
    createEffect(() => plot?.setData(data()))
    onCleanup(() => {
      sizes.disconnect()
      dark.removeEventListener('change', make)
      plot?.destroy()
    })
  })
  return <div ref={place} class="chart" role="img" aria-label={props.label} />
}
