/** Light, dark, or as the system has it. */
import { createSignal } from 'solid-js'
import { local } from './storage.js'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEPT = 'palabre.theme'
const kept = local.get(KEPT)
const [theme, change] = createSignal<Theme>(THEMES.find((one) => one === kept) ?? 'auto')
export { theme }

const show = (wanted: Theme) => {
  if (wanted === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = wanted
}
show(theme())

/** Changes it, and remembers it on this device. */
export function setTheme(next: Theme): void {
  local.set(KEPT, next)
  change(next)
  show(next)
}
