/** Listeners by event, typed. One that throws is reported and does not keep others from hearing. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(data: never) => void>>()

  on<K extends keyof Events>(event: K, listener: (data: Events[K]) => void): () => void {
    let all = this.#listeners.get(event)
    if (!all) this.#listeners.set(event, (all = new Set()))
    // One of its own, so that a function that listens twice is called twice.
    const own = (data: Events[K]) => listener(data)
    all.add(own)
    return () => {
      all.delete(own)
      if (all.size === 0 && this.#listeners.get(event) === all) this.#listeners.delete(event)
    }
  }

  emit<K extends keyof Events>(event: K, data: Events[K]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        ;(listener as (data: Events[K]) => void)(data)
      } catch (error) {
        // As an error of nobody's: shown in the console, fatal in Node, as in any event handler.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
