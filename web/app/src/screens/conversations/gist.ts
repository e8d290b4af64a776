/** What a message is, on one line. */
import type { Message } from '@palabre/client'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/conversation.js'
import { excerpt } from './markdown-text.js'

export function gist(message: Message): string {
  if (message.deleted_at) return t('deleted')
  if (message.game) return core('said', { who: t('game'), what: message.game.name })
  if (message.body === '') return message.attachments[0]?.name ?? ''
  return excerpt(message.body)
}
