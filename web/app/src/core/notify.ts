/**
 * Notifications of the system, for who has this application open somewhere and looks at something else. Off until they are asked for, on this
 * device; of several pages of one person one notifies, and none while one of them is looked at.
 */
import { createSignal, onCleanup } from 'solid-js'
import { local } from './storage.js'

const KEPT = 'palabre.notify'
const [wanted, setWanted] = createSignal(local.get(KEPT) === 'on')
// Over plain HTTP a browser has them but never lets them be shown.
const [permission, setPermission] = createSignal<NotificationPermission | undefined>(isSecureContext ? globalThis.Notification?.permission : undefined)

/** Whether there are such things here at all. */
export const canNotify = (): boolean => permission() !== undefined
export const notifies = (): boolean => wanted() && permission() === 'granted'
/** The browser was told not to let this application notify: only there that can be changed. */
export const isForbidden = (): boolean => permission() === 'denied'

/** Asks for them, or wants them no longer, and remembers it on this device. */
export async function setNotifies(next: boolean): Promise<void> {
  if (next) setPermission(await Notification.requestPermission())
  const isOn = next && permission() === 'granted'
  setWanted(isOn)
  if (isOn) local.set(KEPT, 'on')
  else local.remove(KEPT)
}

// Another page may ask for them, too.
addEventListener('storage', ({ storageArea, key }) => {
  if (!local.holds(storageArea) || (key !== null && key !== KEPT)) return
  setWanted(local.get(KEPT) === 'on')
  if (canNotify()) setPermission(Notification.permission)
})

export interface Notice {
  /** What it is about: a later one takes the place of an earlier one. */
  about: string
  title: string
  body: string
  /** Called when it is clicked, with this page in front. */
  open: () => void
}

const isInFront = (): boolean => document.visibilityState === 'visible' && document.hasFocus()

/** Makes what notifies one person, for as long as the caller is there. */
export function createNotifier(who: string): (notice: Notice) => void {
  const end = new AbortController()
  const shown = new Map<string, Notification>()
  const front = `palabre.front.${who}`
  /** The first page of all notifies until it is closed; without locks each one does. */
  let notifiesForAll = !navigator.locks
  const until = (signal: AbortSignal) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  /** Until the signal comes. */
  const hold = (name: string, mode: LockMode, signal: AbortSignal, held?: () => void) =>
    void navigator.locks?.request(name, { mode, signal }, () => (held?.(), until(signal))).catch(() => undefined)

  let left: AbortController | undefined
  const look = () => {
    if (isInFront() === (left !== undefined)) return
    left?.abort()
    left = undefined
    if (!isInFront()) return
    left = new AbortController()
    hold(front, 'shared', left.signal)
    // Whoever looks sees it here.
    for (const notification of shown.values()) notification.close()
    shown.clear()
  }

  const show = ({ about, title, body, open }: Notice) => {
    try {
      const notification = new Notification(title, { body, tag: about, ...({ renotify: true } as object) })
      shown.set(about, notification)
      notification.onclose = () => shown.get(about) === notification && shown.delete(about)
      notification.onclick = () => {
        notification.close()
        window.focus()
        open()
      }
    } catch {
      // Phones only let service workers do that.
      setPermission(undefined)
    }
  }

  hold(`palabre.notifier.${who}`, 'exclusive', end.signal, () => (notifiesForAll = true))
  look()
  for (const event of ['focus', 'blur'] as const) addEventListener(event, look, { signal: end.signal })
  document.addEventListener('visibilitychange', look, { signal: end.signal })
  onCleanup(() => {
    end.abort()
    left?.abort()
    for (const notification of shown.values()) notification.close()
  })
  const isElsewhere = async () => {
    // Where locks may not be used nobody knows of the other pages.
    const { held } = (await navigator.locks?.query().catch(() => undefined)) ?? {}
    return held?.some(({ name }) => name === front) ?? false
  }
  return async (notice) => {
    if (!notifies() || !notifiesForAll || isInFront()) return
    if (!(await isElsewhere()) && !end.signal.aborted) show(notice)
  }
}
