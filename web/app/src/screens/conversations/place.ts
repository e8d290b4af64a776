/** A message that is to be shown: from a search, or from an answer to it. */
import { createSignal } from 'solid-js'
import { go } from '../../core/router.js'

/** Where to go, until the conversation has gone there. */
const [wanted, setWanted] = createSignal<{ conversation: string; seq: number }>()
export { wanted, setWanted }

/** Where a conversation is. */
export const pathOf = (conversation: string): string => `/conversations/${encodeURIComponent(conversation)}`

/** Shows a message that may be in another conversation than the one that is looked at. */
export function jumpTo(conversation: string, seq: number): void {
  setWanted({ conversation, seq })
  go(pathOf(conversation))
}
