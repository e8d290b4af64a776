/**
 * What lies over what: the page, and the dialogs that are open over it. What is below the topmost can't be used, nor is it read out, so whatever is said
 * is said in the one that is the topmost then.
 */
import { createSignal, onCleanup } from 'solid-js'

/** The page or a dialog. */
export type Layer = object

/** The lowest. */
export const PAGE: Layer = {}

const [layers, change] = createSignal<readonly Layer[]>([PAGE])

/** Puts a layer over all others, as long as the component is there. */
export function putOnTop(): Layer {
  const layer = {}
  change((all) => [...all, layer])
  onCleanup(() => change((all) => all.filter((one) => one !== layer)))
  return layer
}

/** The topmost. */
export const top = (): Layer => layers().at(-1) ?? PAGE

/** Whether a layer is where something is that was said in another: where it was said, or if that is gone, in what is the topmost now. */
export const isIn = (layer: Layer, said: Layer): boolean => layer === (layers().includes(said) ? said : top())
