/**
 * What was begun and not sent, by conversation, and at the desk by note and request: the words, and what goes with them. Kept with the sign-in
 * of whoever wrote it: by the tab, or by the device of who stays signed in, and forgotten when they sign out.
 */
import type { Message } from '@palabre/client'
import { createSignal, untrack } from 'solid-js'
import { onSignOut, place } from '../../core/session.js'
import { local, session } from '../../core/storage.js'

const KEY = 'palabre.drafts'
/** Older ones beyond this are forgotten. */
const MOST = 100
/** Of a message that is answered only its beginning is shown. */
const QUOTED = 640

/** What is written in a conversation. */
export interface Draft {
  readonly text: string
  readonly tone?: string | undefined
  readonly replyTo?: Message | undefined
  /** A message that is being mended; `text` is what was written before that. */
  readonly edit?: { readonly message: Message; readonly text: string } | undefined
}

type Drafts = Record<string, Draft>

function kept(from: typeof local): Drafts {
  try {
    const value: unknown = JSON.parse(from.get(KEY) ?? '{}')
    if (typeof value !== 'object' || value === null) return {}
    return Object.fromEntries(Object.entries(value).filter(([, one]) => typeof (one as Draft | null)?.text === 'string')) as Drafts
  } catch {
    return {}
  }
}

const [drafts, set] = createSignal<Drafts>({ ...kept(local), ...kept(session) })
const NOTHING: Draft = { text: '' }
const key = (me: string, conversation: string) => `${me}/${conversation}`

// Another tab of theirs has written.
addEventListener('storage', (event) => {
  if ((event.key === KEY || event.key === null) && local.holds(event.storageArea)) set({ ...kept(local), ...kept(session) })
})

/** What was begun in a conversation; nothing is an empty text. */
export const draft = (me: string, conversation: string): Draft => drafts()[key(me, conversation)] ?? NOTHING

onSignOut((me) => {
  for (const where of [local, session]) store(where, Object.fromEntries(Object.entries(kept(where)).filter(([one]) => !one.startsWith(`${me}/`))))
  set({ ...kept(local), ...kept(session) })
})

/** Keeps what is begun, in place of what was. */
export function setDraft(me: string, conversation: string, { text, tone, replyTo, edit }: Draft): void {
  const name = key(me, conversation)
  const isNothing = text === '' && !tone && !replyTo && !edit
  // What another tab writes is no reason to write here.
  if (isNothing && !untrack(drafts)[name]) return
  const next: Draft = { text, ...(tone && { tone }), ...(replyTo && { replyTo: { ...replyTo, body: replyTo.body.slice(0, QUOTED) } }), ...(edit && { edit }) }
  const where = place()
  // Read again: other tabs keep theirs there, too.
  const { [name]: _before, ...others } = kept(where)
  const elsewhere = where === local ? session : local
  // Written while the sign-in was remembered there: it is read as well, and would come back.
  const { [name]: older, ...rest } = kept(elsewhere)
  if (older) store(elsewhere, rest)
  const all = isNothing ? others : Object.fromEntries([...Object.entries(others), [name, next] as const].slice(-MOST))
  store(where, all)
  set(({ [name]: _old, ...rest }) => (isNothing ? rest : { ...rest, [name]: next }))
}

function store(where: typeof local, all: Drafts): void {
  if (Object.keys(all).length === 0) where.remove(KEY)
  else where.set(KEY, JSON.stringify(all))
}
