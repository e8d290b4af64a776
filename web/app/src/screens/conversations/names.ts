/** What people and conversations are called. */
import type { ConversationState, Palabre, User } from '@palabre/client'
import { withoutControls } from '../../core/bidi.js'
import { t } from '../../i18n/conversation.js'

/** Something that is seen. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u

/** What is seen of what somebody chose to be called. */
function visible(chosen: string | undefined): string | undefined {
  const shown = withoutControls(chosen ?? '')
  return VISIBLE.test(shown) ? shown : undefined
}

/** The name somebody goes by. */
export function nameOf({ name, username }: User): string {
  return visible(name) ?? username
}

/** What a conversation is called; a private one by the other person. */
export function titleOf(client: Palabre, conversation: ConversationState): string {
  const title = visible(conversation.title)
  if (title) return title
  if (conversation.kind === 'private') {
    const peer = client.peer(conversation.id)
    return peer ? nameOf(peer) : t('gone')
  }
  return conversation.name || t(`kind.${conversation.kind}`)
}
