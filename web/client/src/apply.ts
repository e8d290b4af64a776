/** Pushes, and replies that tell a state, as changes of the {@link State}. All but the counting of unread may be applied twice. */
import type { Contact, Conversation, Member, Message, Reaction, Receipt, Status, User } from './generated.js'
import type { Digest, Pushes } from './protocol.js'
import type { State } from './state.js'

/** As many are listed of an emoji, and as many emoji, as by the server. */
const LISTED = 20

/** What the state can't tell by itself, and who else wants to know. */
export interface Effects {
  /** A conversation of which nothing or too little is known. */
  unknown(conversation: string): void
  /** Its unread messages must be asked for. */
  recount(conversation: string): void
  /** A message of which not all is known. */
  refetch(conversation: string, seq: number): void
  /** The blocks of the user have changed, so that everything may look different. */
  blocks(): void
  /** What one sees of users may be another than before: a relation, or who is where, has changed. */
  unseen(users: readonly string[]): void
  /** Whose receipts these are must be known. */
  members(conversation: string): void
  /** A message arrived, or was found. */
  arrived(message: Message, isNew: boolean): void
  deleted(conversation: string): void
}

/** The events that are states, and so can be told again on top of a page that may be older. */
const STATES = new Set([
  'group.update', 'group.delete', 'conversation.mode', 'contact.update', 'status.update', 'user.update', 'message.text', 'message.game',
  'message.edit', 'message.delete', 'message.react', 'message.delivered', 'message.read', 'llm.done',
])

/** Whether an event is kept while a page is awaited. */
export const isState = (type: string): boolean => STATES.has(type)

function put(state: State, message: Message, effects: Effects, changed: boolean): void {
  const conversation = state.conversations.get(message.conversation)
  if (!conversation) {
    effects.unknown(message.conversation)
    return
  }
  const isNew = message.seq > conversation.last_seq
  state.putMessage(message)
  // What is gone is not unread; but whether it was counted can't be known.
  if (changed && message.deleted_at && message.seq > conversation.read_seq && !state.recount(conversation.id)) {
    effects.recount(conversation.id)
  }
  state.raise(conversation.id)
  effects.arrived(message, isNew)
}

function react(state: State, reaction: Reaction, effects: Effects): void {
  const { emoji, user, on, count } = reaction
  let partial = false
  let seq = 0
  state.alter(reaction.conversation, (message) => {
    if (message.id !== reaction.message) return message
    seq = message.seq
    const users = (message.reactions[emoji] ?? []).filter(({ id }) => id !== user.id)
    if (on && (message.reactions[emoji]?.some(({ id }) => id === user.id) ?? false)) return message.reaction_counts[emoji] === count ? message : { ...message, reaction_counts: { ...message.reaction_counts, [emoji]: count } }
    if (on && users.length < LISTED) users.push(user)
    const { [emoji]: _users, ...reactions } = message.reactions
    const { [emoji]: _count, ...reaction_counts } = message.reaction_counts
    if (count > 0) reaction_counts[emoji] = count
    const isListed = emoji in message.reactions || Object.keys(reactions).length < LISTED
    if (users.length > 0 && isListed) reactions[emoji] = users
    partial ||= (isListed && users.length !== Math.min(count, LISTED)) || Object.keys(reaction_counts).length > LISTED
    return { ...message, reactions, reaction_counts }
  })
  if (partial) effects.refetch(reaction.conversation, seq)
}

function receipt(state: State, kind: 'delivered' | 'read', data: Receipt | Digest): void {
  if ('user' in data) {
    state.advance(data.conversation, data.user.id, data.seq, kind === 'read' ? data.seq : 0)
    return
  }
  if (data.of > 0 && data.read === data.of) state.raiseOwn(data.conversation, data.seq, 'READ')
  else if (data.of > 0 && data.delivered === data.of) state.raiseOwn(data.conversation, data.seq, 'DELIVERED')
}

function contact(state: State, data: Contact, effects: Effects): void {
  const before = state.contacts.get(data.user.id)?.status
  state.setContact(data)
  if (before !== data.status && (before === 'blocked' || data.status === 'blocked')) effects.blocks()
  else if ((before === 'accepted') !== (data.status === 'accepted')) effects.unseen([data.user.id])
}

/** Whose presence is told no longer since they are not in a conversation any more, and who is new to one of which all are known. */
function moved(state: State, id: string, before: readonly Member[] = []): string[] {
  const after = state.members.get(id) ?? []
  const isShown = before.length > 0 || state.windows.has(id)
  const ids = new Set(after.map(({ user }) => user.id))
  const gone = before.filter(({ user }) => !ids.has(user.id) && state.statuses.has(user.id))
  const met = isShown ? after.filter(({ user }) => !state.statuses.has(user.id)) : []
  return [...gone, ...met].map(({ user }) => user.id)
}

function change(state: State, data: Conversation, effects: Effects): void {
  const isNew = !state.conversations.has(data.id)
  const members = state.members.get(data.id)
  if (!state.changeConversation(data)) return effects.unknown(data.id)
  effects.unseen(moved(state, data.id, members))
  // Who is added is not told what was said last.
  if (isNew && data.last_seq > 0 && !data.last_message) effects.recount(data.id)
}

/** Who is seen no longer is said to be offline: of such a one nothing is known, as after a fresh load. */
function status(state: State, data: Status): void {
  const { id } = data.user
  if (data.status !== 'offline' || state.statuses.has(id) || state.isSeen(id)) state.setStatus(data)
}

/** One's own, a conversation's, the project's: each is another quota, and each may be one in tokens and one in money. */
function quota(state: State, data: Pushes['quota.warning']): void {
  const { level, conversation, currency } = data
  const others = state.quotas.filter((one) => one.level !== level || one.conversation !== conversation || one.currency !== currency)
  state.quotas = [...others, data]
  state.touch('quota')
}

/** Applies one event. What it does not know, it ignores: newer servers have more of them. */
export function apply(state: State, type: string, data: unknown, effects: Effects): void {
  switch (type) {
    case 'message.text':
    case 'message.game':
      return put(state, data as Message, effects, false)
    case 'message.edit':
    case 'message.delete':
      return put(state, data as Message, effects, true)
    case 'llm.done':
      return put(state, (data as Pushes['llm.done']).message, effects, false)
    case 'message.react':
      // The one who reacts is answered with the whole message.
      if ('emoji' in (data as object)) return react(state, data as Reaction, effects)
      return put(state, data as Message, effects, false)
    case 'message.delivered':
      return receiptOf(state, 'delivered', data as Receipt | Digest, effects)
    case 'message.read':
      return receiptOf(state, 'read', data as Receipt | Digest, effects)
    case 'group.update':
    case 'conversation.mode':
      return change(state, data as Conversation, effects)
    case 'group.delete': {
      const { conversation } = data as { conversation: string }
      const members = state.members.get(conversation)
      state.removeConversation(conversation)
      effects.unseen(moved(state, conversation, members))
      return effects.deleted(conversation)
    }
    case 'contact.update':
      return contact(state, data as Contact, effects)
    case 'status.update':
      return status(state, data as Status)
    case 'user.update':
      return state.setUser(data as User)
    case 'quota.warning':
      return quota(state, data as Pushes['quota.warning'])
  }
}

function receiptOf(state: State, kind: 'delivered' | 'read', data: Receipt | Digest, effects: Effects): void {
  receipt(state, kind, data)
  if (!('user' in data)) return
  if (data.user.id !== state.me) {
    // Whether it was the last of them can't be told without knowing all.
    const last = state.conversations.get(data.conversation)?.last_message
    if (!state.members.has(data.conversation) && last?.author.id === state.me && last?.status !== 'READ') effects.members(data.conversation)
    return
  }
  // One's own reading on another device.
  if (kind === 'read' && !state.recount(data.conversation)) effects.recount(data.conversation)
}
