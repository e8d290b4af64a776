/** What was begun and not sent, by conversation. Kept while the tab is open, for whoever is signed in. */
import { createSignal } from 'solid-js'
import { onSignOut } from '../../core/session.js'
import { session } from '../../core/storage.js'

const KEY = 'palabre.drafts'
/** Older ones beyond this are forgotten. */
const MOST = 100

type Drafts = Record<string, string>

function kept(): Drafts {
  try {
    const value: unknown = JSON.parse(session.get(KEY) ?? '{}')
    return typeof value === 'object' && value !== null ? (value as Drafts) : {}
  } catch {
    return {}
  }
}

const [drafts, set] = createSignal<Drafts>(kept())
const key = (me: string, conversation: string) => `${me}/${conversation}`

export const draft = (me: string, conversation: string): string => drafts()[key(me, conversation)] ?? ''

onSignOut((me) => keep(Object.fromEntries(Object.entries(drafts()).filter(([one]) => !one.startsWith(`${me}/`)))))

export function setDraft(me: string, conversation: string, text: string): void {
  const { [key(me, conversation)]: before, ...others } = drafts()
  if ((before ?? '') === text) return
  const next = text === '' ? others : Object.fromEntries([...Object.entries(others), [key(me, conversation), text]].slice(-MOST))
  keep(next)
}

function keep(next: Drafts): void {
  set(next)
  session.set(KEY, JSON.stringify(next))
}
