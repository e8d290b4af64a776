/** The list of requests: which ones, how one works, and what is looked for. */
import type { AgentStatus, Message, SupportPriority, SupportRequest, SupportStatus } from '@palabre/client'
import { createMemo, createResource, createSignal, createUniqueId, For, Match, onCleanup, Show, Switch } from 'solid-js'
import { loaded } from '../../core/loaded.js'
import { follow, go } from '../../core/router.js'
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Avatar } from '../../ui/avatar.js'
import { Button, IconButton } from '../../ui/button.js'
import { Icon } from '../../ui/icon.js'
import { toast, toastError } from '../../ui/toast.js'
import { nameOf } from '../conversations/names.js'
import { useDesk } from './desk.js'
import type { List } from '../conversations/request-of.js'
import { when } from './format.js'
import { NewRequest } from './new-request.js'
import type { Page } from '../../core/pages.js'

export const STATUSES: readonly SupportStatus[] = ['NEW', 'IN_PROGRESS', 'RESOLVED', 'CLOSED']
const PRIORITIES: readonly SupportPriority[] = ['HIGH', 'MEDIUM', 'LOW']
const WORKING: readonly AgentStatus[] = ['available', 'busy', 'away']
/** What an agent may say of how many requests they take at once. */
const MOST_AT_ONCE = 100

export function Requests(props: { chosen: string | undefined }) {
  const desk = useDesk()
  const [asking, setAsking] = createSignal(false)
  const [wanted, setWanted] = createSignal('')
  const lists = (): List[] => (desk.isStaff ? ['queue', 'mine', 'all', 'own'] : ['own'])
  return (
    <section class="support-side" aria-label={t('title')}>
      <div class="support-head">
        <p class="support-name" aria-hidden="true">
          {t('title')}
        </p>
        <Button look={desk.isStaff ? undefined : 'primary'} small={desk.isStaff} icon="plus" onClick={() => setAsking(true)}>
          {t('ask')}
        </Button>
      </div>
      <Show when={desk.isStaff}>
        <Working />
      </Show>
      <Search wanted={wanted()} onSearch={setWanted} />
      <Show when={!wanted()} fallback={<Found wanted={wanted()} />}>
        <Show when={desk.isStaff}>
          <div class="support-tabs" role="group" aria-label={t('lists')}>
            <For each={lists()}>
              {(one) => (
                <button type="button" class="support-tab" aria-pressed={desk.list() === one} onClick={() => (desk.setFilter({}), desk.setList(one))}>
                  {t(`list.${one}`)}
                  <Show when={one === 'queue' && desk.waiting() > 0}>
                    {' '}<span class="badge calm">{desk.waiting()}</span>
                  </Show>
                </button>
              )}
            </For>
          </div>
          <Show when={desk.list() === 'all' || desk.list() === 'queue'}>
            <Filters />
          </Show>
        </Show>
        <Rows chosen={props.chosen} />
      </Show>
      <Show when={asking()}>
        <NewRequest onClose={() => setAsking(false)} onDone={() => desk.isStaff && desk.setList('own')} />
      </Show>
    </section>
  )
}

/** One's own status and capacity. */
function Working() {
  const desk = useDesk()
  const id = createUniqueId()
  const set = (change: Parameters<typeof desk.work>[0]) => void desk.work(change).catch(toastError)
  // What is told again must not undo what is being entered.
  const status = createMemo(() => desk.own()?.status ?? 'away')
  const capacity = createMemo(() => desk.own()?.capacity ?? 1)
  return (
    <Show when={desk.own()}>
      <div class="support-working">
        <label for={`${id}-status`}>{t('you.are')}</label>
        <select id={`${id}-status`} class="input small" data-status={status()} value={status()} onChange={(event) => set({ status: event.currentTarget.value as AgentStatus })}>
          <For each={WORKING}>{(one) => <option value={one}>{t(`is.${one}`)}</option>}</For>
        </select>
        <label for={`${id}-capacity`}>{t('capacity')}</label>
        <input
          id={`${id}-capacity`}
          class="input small"
          type="number"
          min="1"
          max={MOST_AT_ONCE}
          value={capacity()}
          onChange={(event) => {
            const wish = Math.round(event.currentTarget.valueAsNumber)
            const next = Number.isFinite(wish) ? Math.min(MOST_AT_ONCE, Math.max(1, wish)) : capacity()
            event.currentTarget.value = String(next)
            set({ capacity: next })
          }}
        />
        <Show when={status() !== 'available'}>
          <p class="hint">{t('away.hint')}</p>
        </Show>
      </div>
    </Show>
  )
}

function Filters() {
  const desk = useDesk()
  const id = createUniqueId()
  return (
    <div class="support-filters">
      <Show when={desk.list() === 'all'}>
        <label for={`${id}-status`}>{t('filter.status')}</label>
        <select id={`${id}-status`} class="input small" value={desk.filter().status ?? ''} onChange={({ currentTarget: { value } }) => desk.setFilter(({ status: _, ...rest }) => ({ ...rest, ...(value && { status: value as SupportStatus }) }))}>
          <option value="">{t('any')}</option>
          <For each={STATUSES}>{(one) => <option value={one}>{t(`status.${one}`)}</option>}</For>
        </select>
      </Show>
      <label for={`${id}-priority`}>{t('filter.priority')}</label>
      <select id={`${id}-priority`} class="input small" value={desk.filter().priority ?? ''} onChange={({ currentTarget: { value } }) => desk.setFilter(({ priority: _, ...rest }) => ({ ...rest, ...(value && { priority: value as SupportPriority }) }))}>
        <option value="">{t('any')}</option>
        <For each={PRIORITIES}>{(one) => <option value={one}>{t(`priority.${one}`)}</option>}</For>
      </select>
    </div>
  )
}

function Rows(props: { chosen: string | undefined }) {
  const desk = useDesk()
  return (
    <Switch>
      <Match when={desk.shown().length > 0}>
        <ul class="support-rows" role="list" aria-label={t(`list.${desk.list()}`)}>
          <For each={desk.shown()}>
            {(id) => <Show when={desk.request(id)}>{(request) => <Row request={request()} isChosen={id === props.chosen} />}</Show>}
          </For>
          <Show when={desk.hasMore()}>
            <li class="support-more">
              <Button small onClick={() => void desk.loadMore().catch(toastError)}>
                {t('more')}
              </Button>
            </li>
          </Show>
        </ul>
      </Match>
      <Match when={desk.state() === 'loading'}>
        <p class="empty">{core('loading')}</p>
      </Match>
      <Match when={desk.state() === 'failed'}>
        <div class="empty" role="alert">
          <p>{t('loading.failed')}</p>
          <Button onClick={() => void desk.reload().catch(toastError)}>{core('retry')}</Button>
        </div>
      </Match>
      <Match when={true}>
        <p class="empty">{t(`empty.${desk.list()}`)}</p>
      </Match>
    </Switch>
  )
}

function Row(props: { request: SupportRequest; isChosen: boolean }) {
  const desk = useDesk()
  const { client, me } = useChat()
  const unread = watched(client, 'conversations', () => desk.unread(props.request.id))
  // For a customer the agent is the other one.
  const other = () => (props.request.customer.id === me.id ? props.request.agent : props.request.customer)
  return (
    <li>
      <a class="support-row" href={`/support/${props.request.id}`} aria-current={props.isChosen ? 'true' : undefined} onClick={follow}>
        <Avatar id={other()?.id ?? ''} name={other() ? nameOf(other()!) : '?'} picture={other()?.avatar} />
        <span class="support-row-text">
          <span class="support-row-line">
            <strong class="one-line">{props.request.subject}</strong>
            <time class="quiet small" datetime={props.request.created_at}>{when(props.request.created_at)}</time>
          </span>
          <span class="support-row-line small">
            <span class="quiet one-line">{other() ? nameOf(other()!) : t('nobody')}</span>
            <Priority of={props.request} />
            <StatusChip of={props.request} />
            <Show when={unread()}>
              {(count) => (
                <span class="badge">
                  <span aria-hidden="true">{count()}</span>
                  <span class="unseen">{t.count('unread', count())}</span>
                </span>
              )}
            </Show>
          </span>
        </span>
      </a>
    </li>
  )
}

export function StatusChip(props: { of: SupportRequest }) {
  return (
    <span class="support-chip" data-status={props.of.status}>
      {t(`status.${props.of.status}`)}
    </span>
  )
}

export function Priority(props: { of: SupportRequest }) {
  return (
    <span class="support-chip" data-priority={props.of.priority}>
      <span class="unseen">{core('said', { who: t('filter.priority'), what: '' })}</span>
      {t(`priority.${props.of.priority}`)}
    </span>
  )
}

function Search(props: { wanted: string; onSearch: (text: string) => void }) {
  const [text, setText] = createSignal('')
  return (
    <form
      class="support-search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        props.onSearch(text().trim())
      }}
    >
      <Icon name="search" size={18} />
      <input
        class="input"
        type="search"
        maxLength={200}
        aria-label={t('search')}
        placeholder={t('search')}
        value={text()}
        onInput={(event) => {
          setText(event.currentTarget.value)
          if (!event.currentTarget.value) props.onSearch('')
        }}
      />
      <Show when={props.wanted}>
        <IconButton icon="close" small label={t('search.clear')} onClick={() => (setText(''), props.onSearch(''))} />
      </Show>
    </form>
  )
}

/** What was said in the sessions that one may read. */
function Found(props: { wanted: string }) {
  const desk = useDesk()
  const { rest } = useChat()
  const [found] = createResource(
    () => props.wanted,
    async (q) => {
      try {
        return (await rest.call<Page<Message>>('GET', `/api/v1/support/search?${new URLSearchParams({ q })}`)).items
      } catch (error) {
        toastError(error)
        return []
      }
    },
  )
  /** The one whose request is being looked for: that may take a while where there are many. */
  const [chosen, setChosen] = createSignal<string>()
  let turn = 0
  onCleanup(() => (turn += 1))
  const show = async (message: Message) => {
    const own = (turn += 1)
    setChosen(message.id)
    const request = await desk.requestOf(message).finally(() => own === turn && setChosen())
    // Another one was chosen meanwhile, or the search is over.
    if (own !== turn) return
    if (request) go(`/support/${request}`)
    else toast(core('error.not_found'))
  }
  return (
    <div class="support-found">
      <h2 class="small quiet">{t('search.results')}</h2>
      <div role="status">
        <Show when={found.loading || chosen() !== undefined}>{core('loading')}</Show>
        <Show when={loaded(found)?.length === 0 && !found.loading}>{t('search.none')}</Show>
      </div>
      <ul class="support-rows" role="list">
        <For each={loaded(found)}>
          {(message) => (
            <li>
              <button type="button" class="support-row" aria-busy={chosen() === message.id} onClick={() => void show(message).catch(toastError)}>
                <span class="support-row-text">
                  <span class="support-row-line">
                    <strong class="one-line">{nameOf(message.author)}</strong>
                    <time class="quiet small" datetime={message.date}>{when(message.date)}</time>
                  </span>
                  <span class="support-excerpt">{message.body}</span>
                </span>
              </button>
            </li>
          )}
        </For>
      </ul>
    </div>
  )
}
