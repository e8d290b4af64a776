/**
 * Who is signed in, and the one connection of the page.
 *
 * The token is in memory and remembered by the tab, so that loading the page again does not end the session; it is remembered by the device only if
 * one asked to stay signed in. Then all tabs share the sign-in: what one of them renews the others take up, and where one signs out all do.
 * A tab touches only what is its own.
 */
import { createClient, createRest, expiryOf, PalabreError, type Palabre, type Rest, type UserRole } from '@palabre/client'
import { createContext, createSignal, useContext } from 'solid-js'
import { release } from './media.js'
import { go } from './router.js'
import { local, session, type Place } from './storage.js'

/** Somebody who is signed in. */
export interface Chat {
  client: Palabre
  rest: Rest
  /** The token of now: for what is asked with `fetch`. */
  token(): string
  me: { id: string; username: string; role: UserRole }
  project: string
  /** Aborted when the sign-in is over. */
  ended: AbortSignal
  /** What would be lost with the page, beside messages: whoever keeps some adds it. */
  unsent: Unsent[]
}

/** What the server does not have yet. */
export interface Unsent {
  what: 'edits' | 'files'
  count(): number
}

interface Kept {
  token: string
  project: string
  me: Chat['me']
}

const KEY = 'palabre.session'
const PROJECT = 'palabre.project'
/** The close code for one session more than a user may have. */
const CROWDED = 4204

/** Why somebody who was signed in is not: the session is over, or they are in too many places at once. */
export type Over = 'ended' | 'crowded'

const [chat, setChat] = createSignal<Chat>()
const [over, setOver] = createSignal<Over>()
export { chat, over }

/** For everything below the frame of who is signed in. */
export const ChatContext = createContext<Chat>()
export function useChat(): Chat {
  const here = useContext(ChatContext)
  if (!here) throw new Error('nobody is signed in here')
  return here
}

/** A sign-in, as this page has it. */
interface SignedIn {
  kept: Kept
  place: Place
}
let current: SignedIn | undefined
/** Ends what goes on for who is signed in. */
let given = new AbortController()

/** Where things of who is signed in are remembered: as long as the sign-in itself. */
export const place = (): Place => current?.place ?? session

/** The project that one was signed in to last: in this tab, or else on this device. */
export const lastProject = (): string | undefined => session.get(PROJECT) ?? local.get(PROJECT)

/** Signs in; rejects with a {@link PalabreError}. */
export async function signIn(project: string, username: string, password: string, stay: boolean): Promise<void> {
  const { token, user } = await createRest().login({ project, username, password })
  const place = stay ? local : session
  // The tab's own comes first when the page is loaded again, so an older one must not be there.
  if (stay) session.remove(KEY)
  const kept = { token, project, me: { id: user.id, username: user.username, role: user.role ?? 'user' } }
  keep(kept, place)
  session.set(PROJECT, project)
  local.set(PROJECT, project)
  start({ kept, place })
}

/** Goes on where the page was left, if somebody is signed in: says whether. */
export function resume(): boolean {
  for (const place of [session, local]) {
    const kept = read(place)
    if (!kept) continue
    start({ kept, place })
    return true
  }
  return false
}

/** As {@link resume}, for who was signed in here: they may have signed out in another tab. */
export function retry(): void {
  if (!resume()) setOver('ended')
}

const leaving = new Set<(me: string) => void>()
/** Calls something when somebody signs out: to forget what was theirs. */
export const onSignOut = (forgetIt: (me: string) => void): void => void leaving.add(forgetIt)

/** Ends the session on this page and those that share it, and forgets what was kept of it, also what was not sent. */
export function signOut(): void {
  const client = chat()?.client
  // Closing waits for it. What the store can't remove must not keep anybody signed in.
  if (client) client.discardAll().catch(() => undefined)
  forget()
  leave()
}

/** Forgets what was theirs, beside the sign-in. */
function leave(): void {
  const me = chat()?.me.id
  if (me !== undefined) for (const forgetIt of leaving) forgetIt(me)
  end()
  // Whoever is next has other conversations.
  go('/', { replace: true })
}

function end(): void {
  const here = chat()
  current = undefined
  setChat(undefined)
  if (!here) return
  given.abort()
  release(here.rest)
  void here.client.close()
}

function keep(kept: Kept, place: Place): void {
  place.set(KEY, JSON.stringify(kept))
}

/** Forgets the sign-in of this page, but not that of somebody who has taken its place. */
function forget(): void {
  if (current && read(current.place)?.me.id === current.kept.me.id) current.place.remove(KEY)
}

const read = (place: Place): Kept | undefined => parsed(place.get(KEY))

function parsed(text: string | null | undefined): Kept | undefined {
  try {
    const kept = JSON.parse(text ?? 'null') as Kept | null
    return kept && typeof kept.token === 'string' && typeof kept.me?.id === 'string' ? kept : undefined
  } catch {
    return undefined
  }
}

/** Takes up what another tab has renewed. */
function adopt(here: SignedIn, stored: Kept): void {
  if ((expiryOf(stored.token) ?? 0) > (expiryOf(here.kept.token) ?? 0)) here.kept = stored
}

/** A fresh token: another tab's, or one of our own. */
async function renew(here: SignedIn, rest: Rest): Promise<string> {
  const before = here.kept.token
  const stored = read(here.place)
  if (!stored) throw new PalabreError('unauthorized', 'signed out in another tab', 401)
  if (stored.me.id === here.kept.me.id) adopt(here, stored)
  if (here.kept.token !== before) return here.kept.token
  const { token } = await rest.refresh()
  here.kept = { ...here.kept, token }
  // Signed out meanwhile: it is not brought back.
  if (read(here.place)?.me.id === here.kept.me.id) keep(here.kept, here.place)
  return token
}

// Another tab has changed what the device remembers.
addEventListener('storage', ({ key, newValue, storageArea }) => {
  if (!current || current.place !== local || !local.holds(storageArea)) return
  if (key !== KEY && key !== null) return
  const stored = parsed(newValue)
  if (!stored) {
    setOver('ended')
    leave()
  } else if (stored.me.id === current.kept.me.id) adopt(current, stored)
  else {
    // Somebody else stays signed in now. Who is here goes on, as if they had not asked to stay.
    current.place = session
    keep(current.kept, session)
  }
})

function start(here: SignedIn): void {
  const token = () => here.kept.token
  const { me, project } = here.kept
  const rest = createRest({ token })
  const client = createClient({ project, token: (reason) => (reason === 'connect' ? token() : renew(here, rest)) })
  client.on('connection', ({ phase, error, closeCode }) => {
    if (phase !== 'closed' || !(error instanceof PalabreError) || chat()?.client !== client) return
    const isCrowded = closeCode === CROWDED
    // The sign-in is as good as before, here and in the other places.
    if (!isCrowded) forget()
    setOver(isCrowded ? 'crowded' : 'ended')
    end()
  })
  given = new AbortController()
  current = here
  setOver(undefined)
  setChat({ client, rest, token, me, project, ended: given.signal, unsent: [] })
  // How it goes is seen by its phase.
  client.connect().catch(() => undefined)
}
