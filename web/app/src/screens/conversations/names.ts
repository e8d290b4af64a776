/** What people and conversations are called. */
import type { ConversationState, Palabre, User } from '@palabre/client'
import { t } from '../../i18n/conversation.js'

/** The name somebody goes by. */
export const nameOf = (user: User): string => user.name || user.username

/** What a conversation is called; a private one by the other person. */
export function titleOf(client: Palabre, conversation: ConversationState): string {
  if (conversation.title) return conversation.title
  if (conversation.kind === 'private') {
    const peer = client.peer(conversation.id)
    return peer ? nameOf(peer) : t('gone')
  }
  return conversation.name || t(`kind.${conversation.kind}`)
}
