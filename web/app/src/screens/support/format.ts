/** Dates and durations as people read them. */
import { language } from '../../i18n/index.js'
import { t } from '../../i18n/support.js'
import { brief } from '../conversations/times.js'

/** The time of day if it was today, else the day. */
export const when = (date: string): string => brief(new Date(date))

/** Day and time. */
export const exactly = (date: string): string => new Date(date).toLocaleString(language() === 'en' ? 'en-GB' : language(), { dateStyle: 'medium', timeStyle: 'short' })

/** About how long. */
export function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60)
  if (minutes < 1) return t('time.moment')
  return minutes < 90 ? t.count('minute', minutes) : t.count('hour', Math.round(minutes / 60))
}
