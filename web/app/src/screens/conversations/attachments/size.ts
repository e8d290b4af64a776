/** Bytes as people say them. */
import { t } from '../../../i18n/attachments.js'
import { language } from '../../../i18n/index.js'

const UNITS = ['size.B', 'size.kB', 'size.MB'] as const
const STEP = 1_000

export function size(bytes: number): string {
  const power = bytes < STEP ? 0 : bytes < STEP * STEP ? 1 : 2
  const value = bytes / STEP ** power
  return t(UNITS[power], { n: value.toLocaleString(language(), { maximumFractionDigits: power === 0 || value >= 10 ? 0 : 1 }) })
}
