/** Numbers as people read them, and the time that charts show. */
import { language } from '../../i18n/index.js'
import { t } from '../../i18n/live.js'

/** Small ones with a digit more. */
export const say = (number: number | null | undefined): string => (number === null || number === undefined ? t('none') : number.toLocaleString(language(), { maximumFractionDigits: number < 10 ? 1 : 0 }))

/** The time that is shown at least, in seconds. */
const LEAST_SECONDS = 60

/** From when to when charts of these times go: also the first moment is at the right, with nothing before it. */
export function spanOf(times: ArrayLike<number>): [from: number, to: number] {
  const to = times[times.length - 1] ?? 0
  return [Math.min(times[0] ?? to, to - LEAST_SECONDS), to]
}
