/** Members of large conversations: they are asked for only when somebody is mentioned, and nobody is told how far each has read. */
import type { ConversationState, Palabre } from '@palabre/client'

/** The client knows the members of conversations up to this size by itself; in larger ones the server tells no receipts of others. */
export const SMALL = 50

/** Those that are on their way. */
const asked = new WeakMap<Palabre, Set<string>>()

export const isLarge = ({ kind, member_count }: ConversationState): boolean => kind !== 'private' && member_count > SMALL

/** Fetches the members of a large conversation, if they are not known. What fails is asked for again by who needs it next. */
export function needMembers(client: Palabre, id: string): void {
  const conversation = client.conversation(id)
  const here = asked.get(client) ?? new Set()
  if (!conversation || !isLarge(conversation) || client.members(id) || here.has(id)) return
  asked.set(client, here.add(id))
  client.loadMembers(id).then(
    () => here.delete(id),
    () => here.delete(id),
  )
}
