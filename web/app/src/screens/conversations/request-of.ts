/** Which request a talk is about: messages, and links to conversations, do not say. */
import type { ConversationState, Message, Rest, SupportRequest, SupportSession } from '@palabre/client'
import type { Chat } from '../../core/session.js'
import type { Page } from '../../core/pages.js'

/** One's own as a customer; what waits; what one has; all of it. */
export type List = 'own' | 'queue' | 'mine' | 'all'
/** Where they are. */
export const PATHS: Record<List, string> = {
  own: '/api/v1/support/requests?whose=own',
  queue: '/api/v1/support/queue?',
  mine: '/api/v1/support/requests?whose=assigned',
  all: '/api/v1/support/requests?whose=all',
}

/** Requests in a page, as many as the server gives. */
const PAGE = 200
/** Requests whose sessions are looked up at a time. */
const AT_ONCE = 5

/** What is known of something that was said. */
export type Said = Pick<Message, 'conversation' | 'date' | 'role'> & { author: { id: string } }

/**
 * How likely it was said about a request: 0 by one of its two sides, 1 by an agent who passed it on since, or by a bot; none if it can't have been.
 */
export function likelihood({ author, date, role }: Said, { customer, agent, created_at, updated_at }: SupportRequest): 0 | 1 | undefined {
  if (created_at > date) return undefined
  if (customer.id === author.id || agent?.id === author.id) return 0
  return role !== 'user' || updated_at >= date ? 1 : undefined
}

/** Goes through a list of requests, the newest first, until it is found; the sessions it comes by are given to `seen`. */
export async function findRequest(rest: Pick<Rest, 'call'>, list: string, said: Said, seen: (sessions: SupportSession[]) => void): Promise<string | undefined> {
  const among = async (requests: SupportRequest[]): Promise<string | undefined> => {
    for (let at = 0; at < requests.length; at += AT_ONCE) {
      const found = await Promise.all(
        requests.slice(at, at + AT_ONCE).map(async ({ id }) => {
          const { items } = await rest.call<Page<SupportSession>>('GET', `/api/v1/support/requests/${id}/sessions`)
          seen(items)
          return items.some(({ conversation }) => conversation === said.conversation) ? id : undefined
        }),
      )
      const id = found.find((one) => one !== undefined)
      if (id !== undefined) return id
    }
    return undefined
  }
  const unlikely: SupportRequest[] = []
  let after: string | undefined
  do {
    const page: Page<SupportRequest> = await rest.call('GET', `${list}&limit=${PAGE}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`)
    const rated = page.items.map((request) => ({ request, likelihood: likelihood(said, request) }))
    const of = (wanted: 0 | 1) => rated.filter((one) => one.likelihood === wanted).map(({ request }) => request)
    const found = await among(of(0))
    if (found !== undefined) return found
    unlikely.push(...of(1))
    after = page.next
  } while (after !== undefined)
  return among(unlikely)
}

/** The request that something was said about, among those that somebody has. */
export async function requestOf({ rest, me }: Pick<Chat, 'rest' | 'me'>, said: Said, seen: (sessions: SupportSession[]) => void = () => undefined): Promise<string | undefined> {
  const lists: List[] = me.role === 'admin' ? ['all'] : me.role === 'agent' ? ['mine', 'own'] : ['own']
  for (const which of lists) {
    const found = await findRequest(rest, PATHS[which], said, seen)
    if (found !== undefined) return found
  }
  return undefined
}

/** As {@link requestOf}, for a talk that one takes part in. */
export const requestOfTalk = (chat: Pick<Chat, 'rest' | 'me'>, { id, updated_at }: ConversationState): Promise<string | undefined> =>
  // Not said by anybody: one's own requests are looked up first, then all others.
  requestOf(chat, { author: chat.me, conversation: id, date: updated_at, role: 'assistant' })
