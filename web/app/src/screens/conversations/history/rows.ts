/**
 * The rows of a history: messages, those on their way, and what stands between them. A row stays the same object while what it shows
 * changes, so that nothing that is on the screen is made anew: a message that is confirmed or reacted to keeps the focus it has.
 */
import type { Member, Message, PendingMessage, User } from '@palabre/client'
import { createSignal, type Accessor, type Setter } from 'solid-js'
import { dayKey } from '../times.js'

/** A message, as it is shown. */
export interface MessageView {
  readonly message?: Message
  /** In place of the message while the server has not confirmed it. */
  readonly pending?: PendingMessage
  /** The first of several by the same author within a while: it shows who it is. */
  readonly isFirst: boolean
  /** Members who have read up to here and no further. */
  readonly readers: readonly User[]
}

export type Row =
  | { readonly kind: 'day'; readonly key: string; readonly date: Date }
  | { readonly kind: 'new'; readonly key: string }
  | { readonly kind: 'message'; readonly key: string; readonly view: Accessor<MessageView> }

/** Later than this after the one before, a message stands by itself. */
const TOGETHER_MS = 5 * 60_000

interface Kept {
  row: Row
  set?: Setter<MessageView>
  view?: MessageView
}

/** What rows are made of. */
export interface Source {
  items: readonly Message[]
  pending: readonly PendingMessage[]
  /** What lies beyond was new when the conversation was opened. */
  readUpTo: number | undefined
  /** Whose reading is shown; none where the messages' own marks tell it. */
  members: readonly Member[]
  me: string
}

/** Makes the rows, again and again; keeps those that are the same. */
export function rowMaker(): (source: Source) => readonly Row[] {
  let before = new Map<string, Kept>()
  return ({ items, pending, readUpTo, members, me }) => {
    const now = new Map<string, Kept>()
    const rows: Row[] = []
    const add = (kept: Kept) => {
      now.set(kept.row.key, kept)
      rows.push(kept.row)
    }
    const addMessage = (key: string, view: MessageView) => {
      const known = before.get(key)
      if (known?.set) {
        if (!isSame(known.view, view)) known.set(() => view)
        add({ ...known, view })
        return
      }
      const [shown, set] = createSignal(view)
      add({ row: { kind: 'message', key, view: shown }, set, view })
    }
    const readers = readersOf(items, members, me)
    let last: { author: string; at: number; day: string } | undefined
    let isNewShown = readUpTo === undefined
    const between = (date: Date): boolean => {
      const day = dayKey(date)
      if (last?.day === day) return false
      const key = `day:${day}`
      add(before.get(key) ?? { row: { kind: 'day', key, date } })
      return true
    }
    for (const message of items) {
      const date = new Date(message.date)
      let begins = between(date)
      if (!isNewShown && message.seq > (readUpTo ?? 0) && message.author.id !== me) {
        isNewShown = true
        begins = true
        add(before.get('new') ?? { row: { kind: 'new', key: 'new' } })
      }
      const author = message.kind === 'system' ? `system:${message.id}` : message.author.id
      const isFirst = begins || last?.author !== author || date.getTime() - last.at > TOGETHER_MS
      addMessage(message.id, { message, isFirst, readers: readers.get(message.seq) ?? [] })
      last = { author, at: date.getTime(), day: dayKey(date) }
    }
    for (const message of pending) {
      const date = new Date(message.created)
      const begins = between(date)
      const isFirst = begins || last?.author !== me || date.getTime() - last.at > TOGETHER_MS
      addMessage(message.id, { pending: message, isFirst, readers: [] })
      last = { author: me, at: date.getTime(), day: dayKey(date) }
    }
    before = now
    return rows
  }
}

function isSame(a: MessageView | undefined, b: MessageView): boolean {
  if (!a || a.message !== b.message || a.pending !== b.pending || a.isFirst !== b.isFirst || a.readers.length !== b.readers.length) return false
  return a.readers.every(({ id }, at) => id === b.readers[at]?.id)
}

/** By a message's number, who has read up to it: shown at the last message at or before their mark. */
function readersOf(items: readonly Message[], members: readonly Member[], me: string): Map<number, User[]> {
  const readers = new Map<number, User[]>()
  for (const { user, read_seq } of members) {
    if (user.id === me || read_seq === 0) continue
    let at = items.length - 1
    while (at >= 0 && (items[at]?.seq ?? 0) > read_seq) at -= 1
    const seq = items[at]?.seq
    // One's own message is read by its author, as everybody knows.
    if (seq !== undefined && items[at]?.author.id !== user.id) readers.set(seq, [...(readers.get(seq) ?? []), user])
  }
  return readers
}

/** Whether rows were added before the first one, and nothing after the last: then what is on the screen should stay there. */
export function wereAddedBefore(before: readonly Row[], now: readonly Row[]): boolean {
  if (before.length === 0 || now.length <= before.length) return false
  return before.at(-1) === now.at(-1) && before[1] !== now[1]
}
