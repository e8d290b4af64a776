/** Parts of the application that are loaded when they are first shown. */
import { lazy, type Component } from 'solid-js'

/** As `lazy`, but a part that could not be loaded is asked for again when it is shown again. */
export function part(load: () => Promise<Component>): Component {
  let now: Component
  const begin = () => {
    now = lazy(async () => {
      try {
        return { default: await load() }
      } catch (error) {
        begin()
        throw error
      }
    })
  }
  begin()
  return (props) => now(props)
}
