/** How long something is still open. */
import type { Palabre } from '@palabre/client'
import { createEffect, createSignal, onCleanup, type Accessor } from 'solid-js'
import { t } from '../../../i18n/games.js'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** In its two largest units: `2 d 3 h`, `4 min 5 s`, `9 s`. */
export function inWords(ms: number): string {
  const left = Math.max(0, Math.ceil(ms / SECOND)) * SECOND
  const units = [
    ['days', DAY],
    ['hours', HOUR],
    ['minutes', MINUTE],
    ['seconds', SECOND],
  ] as const
  const first = Math.max(0, units.findIndex(([, length]) => left >= length))
  const begin = left < SECOND ? units.length - 1 : first
  return units
    .slice(begin, begin + 2)
    .map(([unit, length], at) => [unit, Math.floor((at === 0 ? left : left % (units[begin]?.[1] ?? 1)) / length)] as const)
    .filter(([, n], at) => at === 0 || n > 0)
    .map(([unit, n]) => t(unit, { n }))
    .join(' ')
}

/** Milliseconds until then, each second anew while that is to be seen: by the server's clock, which says when it is over. */
export function createTimeLeft(client: Pick<Palabre, 'now'>, until: Accessor<string | undefined>): Accessor<number | undefined> {
  const [now, setNow] = createSignal(client.now())
  const left = () => {
    const end = until()
    return end === undefined ? undefined : Date.parse(end) - now()
  }
  createEffect(() => {
    if (until() === undefined) return
    setNow(client.now())
    const timer = setInterval(() => {
      setNow(client.now())
      if ((left() ?? 0) <= 0) clearInterval(timer)
    }, SECOND)
    onCleanup(() => clearInterval(timer))
  })
  return left
}
