/** What is taken off the page when it is far from what is seen stays while a dialog, a menu or the like that belongs to it is open: they would go with it. */
import { createContext, onCleanup, useContext } from 'solid-js'

/** Makes what is around it stay; what it returns lets it go again. */
export type Stay = () => () => void

export const StayContext = createContext<Stay>()

/** Keeps what is around a component as long as that is there. After `last`, for what is to be done with it then: to give the focus back. */
export function stay(last: () => void = () => {}): void {
  const letGo = useContext(StayContext)?.()
  onCleanup(() => {
    last()
    letGo?.()
  })
}
