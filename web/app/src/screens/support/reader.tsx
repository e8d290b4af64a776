/** What is said about a request, for administrators who only read: they are not told, so it is asked for now and then. */
import { PalabreError, type Message, type SupportSession } from '@palabre/client'
import { createSignal, For, onCleanup, onMount, Show } from 'solid-js'
import { announce } from '../../core/announce.js'
import { useChat } from '../../core/session.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Avatar } from '../../ui/avatar.js'
import { Button } from '../../ui/button.js'
import { toastError } from '../../ui/toast.js'
import { Links } from '../conversations/dialogs/link-notice.js'
import { Body } from '../conversations/history/body.js'
import { excerpt } from '../conversations/markdown-text.js'
import { nameOf } from '../conversations/names.js'
import { exactly, when } from './format.js'
import { keepLooking, merge, type Held } from './reading.js'
import './reader.css'

/** How many are fetched at once. */
const PAGE = 100
/** Who is so near the end of what was said, in pixels, stays there when more is. */
const NEAR_END = 40

export function Reader(props: { session: SupportSession['id'] }) {
  const { rest } = useChat()
  const [held, setHeld] = createSignal<Held>()
  const [isStale, setStale] = createSignal(false)
  let place!: HTMLDivElement
  const fetchPage = (query: string) => rest.call<{ messages: Message[]; more: boolean }>('GET', `/api/v1/support/sessions/${props.session}/messages?limit=${PAGE}${query}`)

  const look = async (): Promise<boolean> => {
    try {
      const { messages, more } = await fetchPage('')
      const before = held()
      const now = merge(before ?? { items: [], hasOlder: more }, messages, more)
      const hasNews = now.items.length !== before?.items.length || now.items.some((message, at) => message !== before.items[at])
      const isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight < NEAR_END
      setStale(false)
      if (!hasNews) return false
      setHeld(now)
      if (isAtEnd || !before) place.scrollTop = place.scrollHeight
      const last = now.items.at(-1)
      if (before && last && last.seq > (before.items.at(-1)?.seq ?? 0)) announce(`${nameOf(last.author)}: ${excerpt(last.body)}`)
      return true
    } catch (error) {
      if (!held() && !(error instanceof PalabreError && error.isTransient)) toastError(error)
      setStale(true)
      throw error
    }
  }
  const looking = keepLooking(look)
  onMount(looking.now)
  onCleanup(looking.end)

  const older = async () => {
    const first = held()?.items[0]
    if (!first) return
    const { messages, more } = await fetchPage(`&before_seq=${first.seq}`)
    // Others were put before it meanwhile, or it was let go.
    if (held()?.items[0]?.seq !== first.seq) return
    const fromEnd = place.scrollHeight - place.scrollTop
    // What came meanwhile stays.
    setHeld((now) => ({ items: [...messages, ...(now?.items ?? [])], hasOlder: more }))
    place.scrollTop = place.scrollHeight - fromEnd
  }
  return (
    <>
      <div ref={place} class="said" role="region" aria-label={t('talk')} tabindex="0">
        <Links>
          <Show when={held()} fallback={<p class="empty">{core('loading')}</p>}>
            {(now) => (
              <>
                <Show when={now().hasOlder}>
                  <Button small onClick={() => void older().catch(toastError)}>
                    {t('older')}
                  </Button>
                </Show>
                <Lines items={now().items} />
                <Show when={now().items.length === 0}>
                  <p class="empty">{t('say.nothing')}</p>
                </Show>
              </>
            )}
          </Show>
        </Links>
      </div>
      <div class="support-notice">
        <p>
          {t('reading.only')} <span role="status">{isStale() ? t('reading.stale') : ''}</span>
        </p>
        <Button small onClick={looking.now}>
          {t('refresh')}
        </Button>
      </div>
    </>
  )
}

/** Messages under each other; those that somebody wrote in a row have one name. */
function Lines(props: { items: readonly Message[] }) {
  const { me } = useChat()
  return (
    <ol class="lines" role="list">
      <For each={props.items}>
        {(message, at) => {
          const isFirst = () => props.items[at() - 1]?.author.id !== message.author.id
          return (
            <li class="line" classList={{ first: isFirst() }}>
              <Show when={isFirst()}>
                <p class="line-author small">
                  <Avatar id={message.author.id} name={nameOf(message.author)} picture={message.author.avatar} small />
                  <strong>{nameOf(message.author)}</strong>
                </p>
              </Show>
              <div class="line-bubble">
                <Show when={!message.deleted_at} fallback={<p class="quiet">{t('deleted')}</p>}>
                  <Body text={message.body} people={[]} me={me.username} />
                  <For each={message.attachments}>{(file) => <p class="small quiet">{t('file', { name: file.name })}</p>}</For>
                </Show>
                <p class="line-foot quiet">
                  <time datetime={message.date} title={exactly(message.date)}>{when(message.date)}</time>
                </p>
              </div>
            </li>
          )
        }}
      </For>
    </ol>
  )
}
