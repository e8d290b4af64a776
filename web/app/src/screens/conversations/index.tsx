/** The list of conversations, and beside it the one that is looked at. On phones one of the two. */
import { createEffect, createMemo, Match, on, Show, Switch } from 'solid-js'
import { follow, parts } from '../../core/router.js'
import { useChat } from '../../core/session.js'
import { setTitle } from '../../core/title.js'
import { watched } from '../../core/watch.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/conversation.js'
import { Conversation } from './conversation.js'
import { ConversationList } from './list/index.js'
import { titleOf } from './names.js'
import { pathOf } from './place.js'
import { ToDesk } from './to-desk.js'
import './list/list.css'
import './conversation.css'
import './history/body.css'
import './composer/composer.css'
import './dialogs/dialogs.css'
import './touch.css'

export function Conversations() {
  const { client } = useChat()
  const all = watched(client, 'conversations', () => client.conversations)
  const connection = watched(client, 'connection', () => client.connection.phase)
  const byId = createMemo(() => new Map(all().map((one) => [one.id, one])))
  const id = () => parts()[1]
  const here = () => byId().get(id() ?? '')
  /** All conversations were told at least once. */
  const isKnown = (before: boolean): boolean => before || connection() === 'online'

  setTitle(() => {
    const shown = here()
    return shown ? titleOf(client, shown) : t('title')
  })

  // Back at the list one is where one left it: what had the focus is gone.
  createEffect(
    on(id, (now, before) => {
      if (now !== undefined || before === undefined || (document.activeElement && document.activeElement !== document.body)) return
      document.querySelector<HTMLElement>(`.conversation-link[href="${CSS.escape(pathOf(before))}"]`)?.focus()
    }),
  )

  let known = false
  return (
    <div class="conversations" classList={{ 'has-one': id() !== undefined }}>
      <h1 class="unseen">{t('title')}</h1>
      <ConversationList all={all()} byId={byId()} shown={id()} />
      <section class="conversation-place" aria-label={t('conversation')}>
        <Switch fallback={<p class="empty">{t('choose')}</p>}>
          <Match when={here()?.id} keyed>
            {(shown) => (here()?.kind === 'support' ? <ToDesk talk={here()!} /> : <Conversation id={shown} />)}
          </Match>
          <Match when={id() !== undefined}>
            <Show when={(known = isKnown(known))} fallback={<p class="empty">{core('loading')}</p>}>
              <div class="empty" role="alert">
                <p>{t('missing')}</p>
                <span class="only-narrow">
                  <a class="button" href="/conversations" onClick={follow}>
                    {t('title')}
                  </a>
                </span>
              </div>
            </Show>
          </Match>
        </Switch>
      </section>
    </div>
  )
}
