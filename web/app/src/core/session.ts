/**
 * Who is signed in, and the one connection of the page.
 *
 * The token is in memory and in `sessionStorage`, so that loading the page again does not end the session; it is in `localStorage` only if one
 * asked to stay signed in.
 */
import { createClient, createRest, PalabreError, type Palabre, type Rest, type UserRole } from '@palabre/client'
import { createContext, createSignal, useContext } from 'solid-js'
import { go } from './router.js'

/** Somebody who is signed in. */
export interface Chat {
  client: Palabre
  rest: Rest
  /** The token of now: for what is asked with `fetch`. */
  token(): string
  me: { id: string; username: string; role: UserRole }
  project: string
}

interface Kept {
  token: string
  project: string
  me: Chat['me']
}

const KEY = 'palabre.session'
const places = (): Storage[] => [sessionStorage, localStorage]

const [chat, setChat] = createSignal<Chat>()
const [ended, setEnded] = createSignal(false)
export { chat, ended }

/** For everything below the frame of who is signed in. */
export const ChatContext = createContext<Chat>()
export function useChat(): Chat {
  const here = useContext(ChatContext)
  if (!here) throw new Error('nobody is signed in here')
  return here
}

/** Signs in; rejects with a {@link PalabreError}. */
export async function signIn(project: string, username: string, password: string, stay: boolean): Promise<void> {
  const { token, user } = await createRest().login({ project, username, password })
  keep({ token, project, me: { id: user.id, username: user.username, role: user.role ?? 'user' } }, stay ? localStorage : sessionStorage)
  resume()
}

/** Goes on where the page was left, if somebody is signed in. */
export function resume(): void {
  for (const place of places()) {
    const kept = read(place)
    if (kept) return start(kept, place)
  }
}

const leaving = new Set<(me: string) => void>()
/** Calls something when somebody signs out: to forget what was theirs. */
export const onSignOut = (forgetIt: (me: string) => void): void => void leaving.add(forgetIt)

/** Ends the session on this page, and forgets what was kept of it. */
export function signOut(): void {
  const me = chat()?.me.id
  if (me !== undefined) for (const forgetIt of leaving) forgetIt(me)
  end()
  // Whoever is next has other conversations.
  go('/', { replace: true })
}

function end(): void {
  const here = chat()
  forget()
  setChat(undefined)
  void here?.client.close()
}

function keep(kept: Kept, place: Storage): void {
  for (const other of places()) if (other !== place) other.removeItem(KEY)
  place.setItem(KEY, JSON.stringify(kept))
}

function forget(): void {
  for (const place of places()) place.removeItem(KEY)
}

function read(place: Storage): Kept | undefined {
  try {
    const kept = JSON.parse(place.getItem(KEY) ?? 'null') as Kept | null
    return kept && typeof kept.token === 'string' && typeof kept.me?.id === 'string' ? kept : undefined
  } catch {
    return undefined
  }
}

function start(kept: Kept, place: Storage): void {
  let { token } = kept
  const rest = createRest({ token: () => token })
  const client = createClient({
    project: kept.project,
    token: async (reason) => {
      if (reason === 'connect') return token
      token = (await rest.refresh()).token
      // Signed out meanwhile: it is not brought back.
      if (read(place)?.me.id === kept.me.id) keep({ ...kept, token }, place)
      return token
    },
  })
  client.on('connection', ({ phase, error }) => {
    if (phase !== 'closed' || !(error instanceof PalabreError) || chat()?.client !== client) return
    setEnded(true)
    end()
  })
  setEnded(false)
  setChat({ client, rest, token: () => token, me: kept.me, project: kept.project })
  // How it goes is seen by its phase.
  client.connect().catch(() => undefined)
}
