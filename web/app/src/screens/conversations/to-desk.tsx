/** From a talk of the support desk to its request: it is shown there, with what belongs to it. */
import type { ConversationState } from '@palabre/client'
import { createSignal, Match, onCleanup, onMount, Switch } from 'solid-js'
import { describe } from '../../core/errors.js'
import { go } from '../../core/router.js'
import { useChat } from '../../core/session.js'
import { t as core } from '../../i18n/core.js'
import { Button } from '../../ui/button.js'
import { requestOfTalk } from './request-of.js'
import { Conversation } from './conversation.js'

/** Where a link, a notification or a search leads to such a talk. */
export function ToDesk(props: { talk: ConversationState }) {
  const chat = useChat()
  const [problem, setProblem] = createSignal<unknown>()
  const [isNowhere, setNowhere] = createSignal(false)
  let isOver = false
  onCleanup(() => (isOver = true))
  const look = async () => {
    setProblem(undefined)
    try {
      const request = await requestOfTalk(chat, props.talk)
      if (isOver) return
      if (request === undefined) setNowhere(true)
      else go(`/support/${request}`, { replace: true })
    } catch (error) {
      setProblem(error)
    }
  }
  onMount(look)
  return (
    <Switch fallback={<p class="empty">{core('loading')}</p>}>
      {/* It is read as it is. */}
      <Match when={isNowhere()}>
        <Conversation id={props.talk.id} />
      </Match>
      <Match when={problem()}>
        {(error) => (
          <div class="empty" role="alert">
            <p>{describe(error())}</p>
            <Button onClick={() => void look()}>{core('retry')}</Button>
          </div>
        )}
      </Match>
    </Switch>
  )
}
