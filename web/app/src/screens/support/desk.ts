/**
 * What one sees of the desk: requests, their sessions, and who works there. Loaded by REST, kept true by pushes; loaded again after each break of
 * the connection.
 */
import { PalabreError, type AgentStatus, type Message, type SupportPlace, type SupportPriority, type SupportRequest, type SupportSession, type SupportStatus, type User } from '@palabre/client'
import { createContext, createEffect, createMemo, createSignal, on, onCleanup, useContext } from 'solid-js'
import { announce } from '../../core/announce.js'
import { make } from '../../core/once.js'
import type { Chat } from '../../core/session.js'
import { createTold } from '../../core/told.js'
import { watched } from '../../core/watch.js'
import { t } from '../../i18n/support.js'
import { toast, toastError } from '../../ui/toast.js'
import { nameOf } from '../conversations/names.js'
import { PATHS, requestOf as find, type List } from '../conversations/request-of.js'
import type { Page } from '../../core/pages.js'
import { isSame } from './reading.js'

/** Somebody who works at the desk. */
export interface Agent {
  user: User
  status: AgentStatus
  capacity: number
  load: number
}

/** What somebody is to a request. */
export interface Standing {
  isCustomer: boolean
  /** An agent or administrator, and not its customer. */
  isStaff: boolean
  /** Has it, so talks with the customer. */
  isAgent: boolean
  /** Decides about it: its agent, or an administrator. */
  mayDecide: boolean
}

/** What only some of a list is shown by. */
export interface Filter {
  status?: SupportStatus
  priority?: SupportPriority
}

/** Of a list, at once. */
const PAGE = 50
/** Only available agents are told of the queue: others ask for it now and then. */
const ASK_AGAIN_MS = 15_000
/** Open requests whose sessions are looked up, for their unread messages. */
const MOST_OPEN = 40
const RANKS: Record<SupportPriority, number> = { HIGH: 0, MEDIUM: 1, LOW: 2 }
const STAGES: Record<SupportStatus, number> = { IN_PROGRESS: 0, NEW: 1, RESOLVED: 2, CLOSED: 3 }

/** What has ended does not go on, whatever the clocks of those who wrote the times. */
const isLater = (one: SupportSession, other: SupportSession): boolean =>
  other.status === 'ACTIVE' && (one.status !== 'ACTIVE' || one.updated_at > other.updated_at)

export const isOpen = ({ status }: SupportRequest): boolean => status === 'NEW' || status === 'IN_PROGRESS'

export type Desk = ReturnType<typeof createDesk>
export const DeskContext = createContext<Desk>()
export function useDesk(): Desk {
  const desk = useContext(DeskContext)
  if (!desk) throw new Error('there is no desk here')
  return desk
}

/** Makes it, for as long as the page of the caller is shown. */
export function createDesk({ client, rest, me }: Chat) {
  const isStaff = me.role !== 'user'
  const [list, setList] = createSignal<List>(isStaff ? 'queue' : 'own')
  const [filter, setFilter] = createSignal<Filter>({})
  const [known, setKnown] = createSignal<ReadonlyMap<string, SupportRequest>>(new Map())
  const [places, setPlaces] = createSignal<ReadonlyMap<string, SupportPlace>>(new Map())
  const [sessions, setSessions] = createSignal<ReadonlyMap<string, readonly SupportSession[]>>(new Map())
  const [agents, setAgents] = createSignal<readonly Agent[]>([])
  const [own, setOwn] = createSignal<Agent>()
  const [next, setNext] = createSignal<string>()
  const [state, setState] = createSignal<'loading' | 'ready' | 'failed'>('loading')
  const phase = watched(client, 'connection', () => client.connection.phase)

  // --- Requests ---

  /** The later of what is known and what is told. */
  const put = (...requests: SupportRequest[]) => {
    setKnown((before) => {
      const after = new Map(before)
      for (const request of requests) {
        const old = after.get(request.id)
        if (!old || (old.updated_at <= request.updated_at && !isSame(old, request))) after.set(request.id, request)
      }
      return after
    })
  }
  const setPlace = (place: SupportPlace) => setPlaces((before) => new Map(before).set(place.request, place))

  const belongs = (request: SupportRequest, to: List): boolean => {
    if (to === 'own') return request.customer.id === me.id
    if (to === 'queue') return request.status === 'NEW'
    return to === 'all' || (request.agent?.id === me.id && request.status !== 'NEW')
  }
  const order = (of: List) => (a: SupportRequest, b: SupportRequest): number => {
    if (of === 'queue') return RANKS[a.priority] - RANKS[b.priority] || a.created_at.localeCompare(b.created_at)
    if (of === 'mine') return STAGES[a.status] - STAGES[b.status] || b.updated_at.localeCompare(a.updated_at)
    return b.created_at.localeCompare(a.created_at)
  }
  const inList = (which: List) => [...known().values()].filter((request) => belongs(request, which))
  /** Ids rather than requests: what changes in a row leaves the row where it is. */
  const shown = createMemo(() => {
    const { status, priority } = filter()
    const fits = (request: SupportRequest) => (!status || request.status === status) && (!priority || request.priority === priority)
    return inList(list()).filter(fits).sort(order(list())).map(({ id }) => id)
  })

  const told = { requests: createTold<string>(), places: createTold<string>(), agents: createTold<string>() }
  let latest = 0
  const load = async (more = false): Promise<void> => {
    const turn = (latest += 1)
    const isTold = told.requests.since()
    const which = list()
    const { status, priority } = filter()
    const query = new URLSearchParams({ limit: String(PAGE), ...(status && { status }), ...(priority && { priority }), ...(more && next() && { after: next()! }) })
    try {
      const page = await rest.call<Page<SupportRequest>>('GET', `${PATHS[which]}&${query}`)
      if (turn !== latest) return
      if (!more && !page.next && !status && !priority) forget(which, page.items, isTold)
      put(...page.items)
      setNext(page.next)
      setState('ready')
      if (which === 'own' || which === 'mine') for (const request of page.items.filter(isOpen).slice(0, MOST_OPEN)) void loadSessions(request.id)
    } catch (error) {
      if (turn === latest) setState((before) => (before === 'ready' ? before : 'failed'))
      if (!(error instanceof PalabreError && error.isTransient)) throw error
    }
  }
  /** What is in a list no longer, and nobody told so. */
  const forget = (which: List, there: SupportRequest[], isTold: (id: string) => boolean) => {
    const ids = new Set(there.map(({ id }) => id))
    setKnown((before) => new Map([...before].filter(([id, request]) => ids.has(id) || isTold(id) || !belongs(request, which))))
  }
  /** Asks for a request, or for something to be done with one, and takes what it is then. */
  const ask = async (method: string, path = '', body?: unknown): Promise<SupportRequest> => {
    const isTold = told.places.since()
    const whole = `/api/v1/support/requests${path}`
    // A new one has no id yet.
    const request = await (path === '' ? make<SupportRequest>(rest, whole, body) : rest.call<SupportRequest>(method, whole, body))
    const { id, place, wait_s } = request
    // A list that is under way may be from before it was there.
    told.requests.note(id)
    put(request)
    if (place !== undefined && !isTold(id)) setPlace({ request: id, place, ...(wait_s !== undefined && { wait_s }) })
    return request
  }
  const loadOne = (id: string): Promise<SupportRequest> => ask('GET', `/${id}`)

  // --- Steps ---

  const step = async (id: string, name: 'take' | 'transfer' | 'resolve' | 'close' | 'reopen', body?: unknown): Promise<SupportRequest> => {
    const request = await ask('POST', `/${id}/${name}`, body)
    void loadAgents()
    return request
  }
  const take = async (id: string): Promise<boolean> => {
    try {
      await step(id, 'take')
      announce(t('taken'))
      return true
    } catch (error) {
      if (!(error instanceof PalabreError) || error.code !== 'conflict') throw error
      // Either somebody else was faster, or one has too many.
      await loadOne(id)
      const request = known().get(id)
      if (request?.status === 'NEW') toast(t('take.full'))
      else toast(request?.agent ? t('take.late', { name: nameOf(request.agent) }) : t('take.gone'))
      return false
    }
  }

  // --- Sessions ---

  const putSession = (session: SupportSession): void => {
    setSessions((before) => {
      const known = before.get(session.request) ?? []
      // Told again, it stays the same object: what shows it has nothing to do. An answer may be older than what was told.
      if (known.some((one) => isSame(one, session) || (one.id === session.id && isLater(one, session)))) return before
      const others = known.filter(({ id }) => id !== session.id)
      const all = [...others, session].sort((a, b) => a.created_at.localeCompare(b.created_at))
      return new Map(before).set(session.request, all)
    })
  }
  const loadSessions = async (request: string): Promise<void> => {
    const { items } = await rest.call<Page<SupportSession>>('GET', `/api/v1/support/requests/${request}/sessions`)
    items.forEach(putSession)
  }
  const openSession = async (request: string): Promise<SupportSession> => {
    const session = await rest.call<SupportSession>('POST', `/api/v1/support/requests/${request}/sessions`)
    putSession(session)
    return session
  }
  const endSession = async (id: string): Promise<void> => putSession(await rest.call<SupportSession>('POST', `/api/v1/support/sessions/${id}/close`))
  /** Which request something was said about; looked up among those one has, where that is needed. */
  const requestOf = async (said: Message): Promise<string | undefined> => {
    const known = [...sessions().values()].flat().find(({ conversation }) => conversation === said.conversation)?.request
    return known ?? find({ rest, me }, said, (items) => items.forEach(putSession))
  }

  // --- Agents ---

  /** Times that was asked who works how, and which of them is known. */
  let asked = 0
  let answered = 0
  const loadAgents = async (): Promise<void> => {
    if (!isStaff) return
    const turn = (asked += 1)
    const isTold = told.agents.since()
    const [all, one] = await Promise.all([rest.call<Page<Agent>>('GET', '/api/v1/support/agents'), rest.call<Agent>('GET', '/api/v1/support/agents/me')])
    if (turn < answered) return
    answered = turn
    const statuses = new Map(agents().map(({ user, status }) => [user.id, status]))
    const newer = (agent: Agent): Agent => ({ ...agent, status: (isTold(agent.user.id) && statuses.get(agent.user.id)) || agent.status })
    setAgents(all.items.map(newer))
    setOwn((before) => (before && isTold(me.id) ? { ...one, status: before.status } : one))
  }
  let working: Promise<void> = Promise.resolve()
  /** Says how one works; what is not said stays. One after the other, so that what is said last holds. */
  const work = (change: Partial<Pick<Agent, 'status' | 'capacity'>>): Promise<void> => {
    const said = working.then(async () => {
      const status = change.status ?? own()?.status ?? 'away'
      setOwn(await rest.call<Agent>('PUT', '/api/v1/support/agents/me', { ...change, status }))
      answered = asked += 1
    })
    working = said.catch(() => undefined)
    return said.then(async () => void (await Promise.all([loadAgents(), list() === 'queue' ? load() : undefined])))
  }

  // --- What happens ---

  const ends = [
    client.on('support.request', (request) => {
      told.requests.note(request.id)
      put(request)
      // Only as its customer or agent one may read what is said.
      if (isOpen(request) && (request.agent?.id === me.id || request.customer.id === me.id)) void loadSessions(request.id).catch(() => undefined)
    }),
    client.on('support.queue', (place) => {
      told.places.note(place.request)
      setPlace(place)
    }),
    client.on('support.session', putSession),
    client.on('support.agent', ({ user, status }) => {
      told.agents.note(user.id)
      if (agents().some((agent) => agent.user.id === user.id)) setAgents((all) => all.map((agent) => (agent.user.id === user.id ? { ...agent, status } : agent)))
      else void loadAgents().catch(() => undefined)
      if (user.id === me.id) setOwn((agent) => agent && { ...agent, status })
    }),
  ]
  onCleanup(() => ends.forEach((end) => end()))
  createEffect(on([list, filter], () => (setNext(undefined), setState('loading'), void load().catch(toastError))))
  createEffect(on(phase, (now) => void (now === 'online' && Promise.all([load(), loadAgents()]).catch(() => undefined))))
  createEffect(() => {
    if (!isStaff || list() !== 'queue' || own()?.status === 'available') return
    const ask = () => document.visibilityState === 'visible' && void load().catch(() => undefined)
    const timer = setInterval(ask, ASK_AGAIN_MS)
    addEventListener('focus', ask)
    onCleanup(() => {
      clearInterval(timer)
      removeEventListener('focus', ask)
    })
  })

  return {
    isStaff,
    list, setList, filter, setFilter, shown, state,
    hasMore: () => next() !== undefined,
    loadMore: () => load(true),
    reload: () => load(),
    waiting: () => inList('queue').length,
    request: (id: string) => known().get(id),
    place: (id: string) => places().get(id),
    sessions: (id: string): readonly SupportSession[] => sessions().get(id) ?? [],
    agents, own, phase,
    ask, loadOne, step, take, loadSessions, openSession, endSession, requestOf, loadAgents, work,
    /** Unread messages of a request's sessions. */
    unread: (id: string) => (sessions().get(id) ?? []).reduce((sum, { conversation }) => sum + (client.conversation(conversation)?.unread ?? 0), 0),
  }
}
