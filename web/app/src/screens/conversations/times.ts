/** Dates and times as people say them, in the language of the page. */
import { createSignal } from 'solid-js'
import { t } from '../../i18n/conversation.js'
import { language } from '../../i18n/index.js'

const DAY_MS = 86_400_000
const formats = new Map<string, Intl.DateTimeFormat>()

/** Formats are slow to make, and few. */
function format(date: Date, options: Intl.DateTimeFormatOptions): string {
  const key = language() + JSON.stringify(options)
  let made = formats.get(key)
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(language() === 'en' ? 'en-GB' : language(), options)))
  return made.format(date)
}

const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
/** Whole days from then to now, by the calendar. */
const daysAgo = (date: Date, now: Date) => Math.round((midnight(now) - midnight(date)) / DAY_MS)

export const dayKey = (date: Date): string => `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`

/** Some time of this day: a signal that changes at midnight, and when one comes back to a page that slept over it. */
const [today, setToday] = createSignal(new Date(), { equals: (a, b) => dayKey(a) === dayKey(b) })
const look = () => setToday(new Date())
function lookAtMidnight(): void {
  const now = new Date()
  setTimeout(() => (look(), lookAtMidnight()), midnight(new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1)) - now.getTime() + 1)
}
lookAtMidnight()
document.addEventListener('visibilitychange', look)

export const time = (date: Date): string => format(date, { hour: '2-digit', minute: '2-digit' })
export const moment = (date: Date): string => format(date, { dateStyle: 'full', timeStyle: 'short' })

/** `Today`, `Yesterday`, `Monday`, `3 March`, `3 March 2025`. */
export function day(date: Date, now = today()): string {
  const days = daysAgo(date, now)
  if (days === 0) return t('today')
  if (days === 1) return t('yesterday')
  if (days > 1 && days < 7) return format(date, { weekday: 'long' })
  return format(date, { day: 'numeric', month: 'long', ...(date.getFullYear() !== now.getFullYear() && { year: 'numeric' }) })
}

/** As short as it can be told in a list. */
export function brief(date: Date, now = today()): string {
  const days = daysAgo(date, now)
  if (days <= 0) return time(date)
  if (days === 1) return t('yesterday')
  if (days < 7) return format(date, { weekday: 'short' })
  return format(date, { day: 'numeric', month: 'short', ...(date.getFullYear() !== now.getFullYear() && { year: '2-digit' }) })
}
