/** What a client shows, to be compared with what another one shows to the same user. */
import type { ConversationState, Member, Message, Palabre } from '../../src/index.js'

/** Everybody of whom a client that has just come knows something: contacts, and the members that it knows of. */
export function seenBy(client: Palabre): string[] {
  const members = client.conversations.flatMap(({ id }) => client.members(id) ?? [])
  return [...new Set([...members, ...client.contacts].map(({ user }) => user.id))].sort()
}

/**
 * Messages, with how far they have come where that is followed. In a list only its author is shown it; and the server's pages count somebody whom
 * one blocks, of whom nothing is pushed.
 */
function ticks(client: Palabre, message: Message, isOpen: boolean): object {
  const isFollowed = isOpen || message.author.id === client.user?.id
  if (isFollowed && !client.contacts.some(({ status }) => status === 'blocked')) return message
  const { status: _, ...rest } = message
  return rest
}

/** A member; pages hide how far somebody has come whom one blocks, and what others change in a group does not. */
function marks(client: Palabre, member: Member): object {
  return client.contact(member.user.id)?.status === 'blocked' ? { ...member, delivered_seq: undefined, read_seq: undefined } : member
}

/** A conversation as in the list. */
function listed(client: Palabre, { last_message, ...conversation }: ConversationState, open: readonly string[]): object {
  return { ...conversation, last_message: last_message && ticks(client, last_message, open.includes(conversation.id)) }
}

/** Differences by where they are, to be read by people. */
export function differences(kept: unknown, fresh: unknown, path = ''): string[] {
  if (Object.is(kept, fresh)) return []
  const isDeep = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (!isDeep(kept) || !isDeep(fresh)) return [`${path}: ${JSON.stringify(kept)} instead of ${JSON.stringify(fresh)}`]
  return [...new Set([...Object.keys(kept), ...Object.keys(fresh)])].flatMap((key) => differences(kept[key], fresh[key], `${path}.${key}`))
}

/** All that is shown of conversations, of those that are open also the messages, and of people. */
export function picture(client: Palabre, open: readonly string[], people: readonly string[]) {
  return {
    conversations: client.conversations.map((conversation) => listed(client, conversation, open)),
    contacts: Object.fromEntries(client.contacts.map((contact) => [contact.user.id, contact])),
    // Of who is not seen any more one is told that they are offline; who comes later is told nothing.
    statuses: Object.fromEntries(people.map((id) => [id, [client.status(id)?.status ?? 'offline', client.status(id)?.text]])),
    unread: client.unread,
    messages: open.map((id) => client.messages(id)?.items.slice(-50).map((message) => ticks(client, message, true))),
    members: open.map((id) => [...(client.members(id) ?? [])].sort((a, b) => (a.user.id < b.user.id ? -1 : 1)).map((member) => marks(client, member))),
    pending: client.pending(),
  }
}
