/** The client's state as signals. */
import type { Palabre, Topic } from '@palabre/client'
import { createComputed, createSignal, onCleanup, type Accessor } from 'solid-js'

/**
 * What `read` gives, as it is after every change of the topic; it is told what it gave before. The topic may depend on signals, and so may what is read.
 * Objects of the client are replaced when they change, so what is the same is left alone.
 */
export function watched<T>(client: Palabre, topic: Topic | Accessor<Topic>, read: (before: T | undefined) => T): Accessor<T> {
  const [value, set] = createSignal<T>(undefined as T)
  createComputed(() => {
    const now = typeof topic === 'function' ? topic() : topic
    let isOver = false
    const update = () => set((before) => read(before))
    update()
    // Those who watch are told one after the other, and what one of them does may end another, who is told all the same.
    const stop = client.watch(now, () => isOver || update())
    onCleanup(() => {
      isOver = true
      stop()
    })
  })
  return value
}
