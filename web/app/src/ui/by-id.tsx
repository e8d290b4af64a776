/** A list of things that are replaced whenever something in them changes. */
import { createMemo, For, type Accessor, type JSX } from 'solid-js'

/** Each keeps its place in the page as long as its id is among them, and with it the focus and an open menu. */
export function ById<T>(props: { each: readonly T[]; id: (one: T) => string; children: (one: Accessor<T>) => JSX.Element }) {
  const ids = createMemo(() => props.each.map((one) => props.id(one)), [] as string[], { equals: (a, b) => a.length === b.length && a.every((id, at) => id === b[at]) })
  return (
    <For each={ids()}>
      {(id) => {
        // One that is gone stays as it was until it is gone from the page.
        const one = createMemo<T | undefined>((before) => props.each.find((each) => props.id(each) === id) ?? before)
        return props.children(one as Accessor<T>)
      }}
    </For>
  )
}
