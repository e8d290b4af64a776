/** What a client shows, to be compared with what another one shows to the same user. */
import type { ConversationState, Message, Palabre } from '../../src/index.js'

/** What a client can tell that has just come. */
export interface Seen {
  /** Conversations that are open. */
  open: readonly string[]
  /** Those of them of which it holds all that is unread. The server's summaries count a little later than they tell where a conversation ends. */
  counted: readonly string[]
  /** Contacts, and the members that it knows of. */
  people: readonly string[]
}

export function seenBy(client: Palabre, open: readonly string[]): Seen {
  const members = client.conversations.flatMap(({ id }) => client.members(id) ?? [])
  const counted = open.filter((id) => {
    const window = client.messages(id)
    return window && (!window.hasOlder || window.items[0]!.seq <= client.conversation(id)!.read_seq + 1)
  })
  return { open, counted, people: [...new Set([...members, ...client.contacts].map(({ user }) => user.id))].sort() }
}

/** A message; how far it has come is shown to its author alone. */
function tick(client: Palabre, message: Message): object {
  const { status: _, ...rest } = message
  return message.author.id === client.user?.id ? message : rest
}

/** A conversation as in the list, where unread messages are counted here. */
const listed = (client: Palabre, { last_message, unread, ...conversation }: ConversationState, counted: readonly string[]): object =>
  ({ ...conversation, last_message: last_message && tick(client, last_message), unread: counted.includes(conversation.id) ? unread : undefined })

/** Differences by where they are, to be read by people. */
export function differences(kept: unknown, fresh: unknown, path = ''): string[] {
  if (Object.is(kept, fresh)) return []
  const isDeep = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
  if (!isDeep(kept) || !isDeep(fresh)) return [`${path}: ${JSON.stringify(kept)} instead of ${JSON.stringify(fresh)}`]
  return [...new Set([...Object.keys(kept), ...Object.keys(fresh)])].flatMap((key) => differences(kept[key], fresh[key], `${path}.${key}`))
}

/** All that is shown of conversations, of those that are open also the messages, and of people. */
export function picture(client: Palabre, seen: Seen) {
  const { open, people } = seen
  return {
    conversations: Object.fromEntries(client.conversations.map((conversation) => [conversation.id, listed(client, conversation, seen.counted)])),
    order: client.conversations.map(({ id }) => id),
    contacts: Object.fromEntries(client.contacts.map((contact) => [contact.user.id, contact])),
    // Of who is not seen any more one is told that they are offline; who comes later is told nothing.
    statuses: Object.fromEntries(people.map((id) => [id, [client.status(id)?.status ?? 'offline', client.status(id)?.text]])),
    messages: open.map((id) => client.messages(id)?.items.slice(-50).map((message) => tick(client, message))),
    members: open.map((id) => [...(client.members(id) ?? [])].sort((a, b) => (a.user.id < b.user.id ? -1 : 1))),
    pending: client.pending(),
  }
}
