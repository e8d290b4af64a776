/**
 * What is remembered on this device or, in `session`, by this tab. A browser may forbid it (cookies are off) or have no room left: then it is
 * remembered as long as the page is there.
 */

/** Where something is remembered. */
export interface Place {
  get(key: string): string | undefined
  set(key: string, value: string): void
  remove(key: string): void
  /** Whether other pages may read it, and change it. */
  holds(area: Storage | null): boolean
}

function place(find: () => Storage | undefined): Place {
  /** What could not be stored. */
  const memory = new Map<string, string>()
  const stored = (): Storage | undefined => {
    try {
      // Even to look at it may be forbidden.
      return find()
    } catch {
      return undefined
    }
  }
  return {
    get: (key) => memory.get(key) ?? stored()?.getItem(key) ?? undefined,
    set(key, value) {
      memory.set(key, value)
      try {
        const storage = stored()
        storage?.setItem(key, value)
        if (storage) memory.delete(key)
      } catch {
        // It stays in memory.
      }
    },
    remove(key) {
      memory.delete(key)
      stored()?.removeItem(key)
    },
    holds: (area) => area !== null && area === stored(),
  }
}

/** Remembered by this device, for all tabs. */
export const local = place(() => globalThis.localStorage)
/** Remembered by this tab, over loading the page again. */
export const session = place(() => globalThis.sessionStorage)
