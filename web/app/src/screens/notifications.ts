/** What people are notified of: what others say to them, and bots answer. */
import type { Message } from '@palabre/client'
import { onCleanup } from 'solid-js'
import { createNotifier } from '../core/notify.js'
import { go } from '../core/router.js'
import { useChat } from '../core/session.js'
import { t } from '../i18n/core.js'
import { gist } from './conversations/gist.js'
import { nameOf, titleOf } from './conversations/names.js'
import { pathOf } from './conversations/place.js'

/** Notifies as long as the caller is there. */
export function notifyOfMessages(): void {
  const { client, me } = useChat()
  const notify = createNotifier(me.id)
  const tell = (message: Message) => {
    if (message.author.id === me.id || message.kind === 'system') return
    const conversation = client.conversation(message.conversation)
    const author = nameOf(message.author)
    const title = conversation ? titleOf(client, conversation) : author
    notify({
      about: message.conversation,
      title,
      body: title === author ? gist(message) : t('said', { who: author, what: gist(message) }),
      open: () => go(pathOf(message.conversation)),
    })
  }
  const ends = [client.on('message.text', tell), client.on('message.game', tell), client.on('llm.done', ({ message }) => tell(message))]
  onCleanup(() => ends.forEach((end) => end()))
}
