/** The list of conversations: search, what others want of one, and ways to begin something new. */
import type { ConversationState, Message } from '@palabre/client'
import { createEffect, createMemo, createSignal, For, Match, on, onCleanup, Show, Switch } from 'solid-js'
import { go } from '../../../core/router.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t as core } from '../../../i18n/core.js'
import { t as bots } from '../../../i18n/bot.js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { Menu } from '../../../ui/menu.js'
import { askAssistant } from '../bot/mode.js'
import { Contacts } from '../dialogs/contacts.js'
import { Invite } from '../dialogs/invite.js'
import { NewGroup } from '../dialogs/new-group.js'
import { nameOf, titleOf } from '../names.js'
import { jumpTo, pathOf } from '../place.js'
import { brief } from '../times.js'
import { Requests } from './requests.js'
import { Row } from './row.js'

/** How long one has stopped typing before the server is asked. */
const SETTLED_MS = 300
/** Fewer letters find too much. */
const FEWEST = 3
/** Messages found that are shown. */
const FOUND = 20

const plain = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase()

export function ConversationList(props: { all: readonly ConversationState[]; byId: ReadonlyMap<string, ConversationState>; shown: string | undefined }) {
  const { client, rest } = useChat()
  const [query, setQuery] = createSignal('')
  /** Messages with the words that are sought; `undefined` while they were not asked for. */
  const [answer, setAnswer] = createSignal<'asking' | 'failed' | Message[]>()
  const found = () => {
    const given = answer()
    return Array.isArray(given) ? given : []
  }
  const [dialog, setDialog] = createSignal<'group' | 'invite' | 'contacts'>()
  const connection = watched(client, 'connection', () => client.connection.phase)
  // Their ids: so that a row stays the same one when something in it changes.
  const shown = createMemo(
    () => {
      const wanted = plain(query().trim())
      const matches = (one: ConversationState) => plain(`${titleOf(client, one)} ${client.peer(one.id)?.username ?? ''} ${one.name ?? ''}`).includes(wanted)
      // Those of the support desk are seen there.
      return props.all.filter((one) => one.kind !== 'support' && (wanted === '' || matches(one))).map(({ id }) => id)
    },
    [] as string[],
    { equals: (a, b) => a.length === b.length && a.every((id, at) => id === b[at]) },
  )

  const words = createMemo(() => query().trim())
  const [again, askAgain] = createSignal<object>()
  createEffect(
    on([words, again], ([text]) => {
      // What was found of other words is no answer to these.
      setAnswer(text.length < FEWEST ? undefined : 'asking')
      if (text.length < FEWEST) return
      const given = new AbortController()
      const tell = (told: 'failed' | Message[]) => given.signal.aborted || setAnswer(told)
      const timer = setTimeout(() => {
        rest.call<{ items: Message[] }>('GET', `/api/v1/messages/search?limit=${FOUND}&q=${encodeURIComponent(text)}`, undefined, given.signal).then(
          ({ items }) => tell(items),
          () => tell('failed'),
        )
      }, SETTLED_MS)
      onCleanup(() => {
        clearTimeout(timer)
        given.abort()
      })
    }),
  )
  const isNothing = () => answer() !== 'asking' && answer() !== 'failed' && shown().length === 0 && found().length === 0

  return (
    <section class="list" aria-label={t('title')}>
      <header class="list-head">
        <h2>{t('title')}</h2>
        <Menu
          label={t('new')}
          items={[
            { label: t('new.group'), icon: 'group', run: () => setDialog('group') },
            { label: t('new.contact'), icon: 'invite', run: () => setDialog('invite') },
            'line',
            { label: t('contacts'), icon: 'person', run: () => setDialog('contacts') },
            { label: bots('new.assistant'), icon: 'bot', run: () => void askAssistant(client, rest) },
          ]}
        >
          <Icon name="plus" />
        </Menu>
      </header>
      <div class="list-search" role="search">
        <Icon name="search" size={18} />
        <input
          class="input"
          type="search"
          aria-label={t('search')}
          placeholder={t('search')}
          maxLength={200}
          value={query()}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') setQuery('')
            const first = shown()[0]
            if (event.key === 'Enter' && first) go(pathOf(first))
            if (event.key === 'ArrowDown') {
              event.preventDefault()
              document.querySelector<HTMLElement>('.conversation-link')?.focus()
            }
          }}
        />
      </div>
      <div class="list-scroll">
        <Show when={query() === ''}>
          <Requests />
        </Show>
        <Show
          when={shown().length > 0}
          fallback={
            <Show when={words() === ''}>
              <Show when={connection() === 'online'} fallback={<p class="list-empty quiet">{core('loading')}</p>}>
                <div class="list-empty">
                  <p class="quiet">{t('empty')}</p>
                  <Button look="primary" icon="invite" onClick={() => setDialog('invite')}>
                    {t('new.contact')}
                  </Button>
                </div>
              </Show>
            </Show>
          }
        >
          <ul role="list" class="list-rows" aria-label={t('title')} onKeyDown={walk}>
            <For each={shown()}>{(id) => <Row id={id} byId={props.byId} isShown={id === props.shown} />}</For>
          </ul>
        </Show>
        <div role="status">
          <Show when={words() !== ''}>
            <Switch>
              <Match when={answer() === 'asking'}>
                <p class="list-empty quiet">{t('search.asking')}</p>
              </Match>
              <Match when={answer() === 'failed'}>
                <div class="list-empty">
                  <p>{t('search.failed')}</p>
                  <Button onClick={() => askAgain({})}>{core('retry')}</Button>
                </div>
              </Match>
              <Match when={isNothing()}>
                <p class="list-empty quiet">{t(answer() === undefined ? 'search.short' : 'search.none')}</p>
              </Match>
            </Switch>
          </Show>
        </div>
        <Show when={found().length > 0}>
          <h3 class="list-part">{t('search.messages')}</h3>
          <ul role="list" class="list-rows">
            <For each={found()}>
              {(message) => (
                <li>
                  <button type="button" class="found" onClick={() => jumpTo(message.conversation, message.seq)}>
                    <span class="found-head">
                      <strong class="one-line">{nameOf(message.author)}</strong>
                      <span class="quiet small">{brief(new Date(message.date))}</span>
                    </span>
                    <span class="found-body quiet small">{message.body}</span>
                  </button>
                </li>
              )}
            </For>
          </ul>
        </Show>
      </div>
      <Show when={dialog() === 'group'}>
        <NewGroup onClose={() => setDialog(undefined)} />
      </Show>
      <Show when={dialog() === 'invite'}>
        <Invite onClose={() => setDialog(undefined)} />
      </Show>
      <Show when={dialog() === 'contacts'}>
        <Contacts onClose={() => setDialog(undefined)} />
      </Show>
    </section>
  )
}

/** Arrow keys go through the rows. */
function walk(event: KeyboardEvent & { currentTarget: HTMLUListElement }): void {
  if (event.altKey || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return
  const links = [...event.currentTarget.querySelectorAll<HTMLElement>('.conversation-link')]
  const at = links.indexOf(document.activeElement as HTMLElement)
  event.preventDefault()
  links[Math.min(links.length - 1, Math.max(0, at + (event.key === 'ArrowDown' ? 1 : -1)))]?.focus()
}
