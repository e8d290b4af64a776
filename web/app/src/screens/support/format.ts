/** Dates, durations and names as people read them. */
import { language } from '../../i18n/index.js'
import { t } from '../../i18n/support.js'

/** The time of day if it was today, else the day. */
export function when(date: string): string {
  const moment = new Date(date)
  const isToday = moment.toDateString() === new Date().toDateString()
  return moment.toLocaleString(language(), isToday ? { timeStyle: 'short' } : { dateStyle: 'medium' })
}

/** Day and time. */
export const exactly = (date: string): string => new Date(date).toLocaleString(language(), { dateStyle: 'medium', timeStyle: 'short' })

/** About how long. */
export function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60)
  if (minutes < 1) return t('time.moment')
  return minutes < 90 ? t.count('minute', minutes) : t.count('hour', Math.round(minutes / 60))
}
