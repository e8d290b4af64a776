/** A request: what may be done with it, what is said about it, and for agents what they know of it. */
import { PalabreError, type SupportRequest, type SupportSession } from '@palabre/client'
import { createEffect, createMemo, createSignal, createUniqueId, For, Match, onCleanup, Show, Switch } from 'solid-js'
import { describe } from '../../core/errors.js'
import { back } from '../../core/router.js'
import { useChat } from '../../core/session.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Button, IconButton } from '../../ui/button.js'
import { Menu, type MenuItem } from '../../ui/menu.js'
import { Icon } from '../../ui/icon.js'
import { toastError } from '../../ui/toast.js'
import { nameOf } from '../conversations/names.js'
import { wanted } from '../conversations/place.js'
import { isOpen, type Standing, useDesk } from './desk.js'
import { Details } from './details.js'
import { duration, exactly } from './format.js'
import { Priority, StatusChip } from './list.js'
import { NewRequest } from './new-request.js'
import { Rating } from './rating.js'
import { Reader } from './reader.js'
import { isSame, keepLooking } from './reading.js'
import { Talk } from './talk.js'
import { Transfer } from './transfer.js'

/** From here on what agents know stands beside the talk. */
const WIDE = '(min-width: 75rem)'

/** Whether it won't be there when it is asked for again. */
const isNowhere = (error: unknown): boolean => error instanceof PalabreError && (error.code === 'not_found' || error.code === 'forbidden' || error.code === 'invalid')

export function RequestView(props: { id: string }) {
  const desk = useDesk()
  const [problem, setProblem] = createSignal<unknown>()
  const load = () => desk.loadOne(props.id).then(() => setProblem(undefined), setProblem)
  createEffect(() => desk.phase() === 'online' && void load())
  return (
    <Show
      when={desk.request(props.id)}
      fallback={
        <div class="empty support-main">
          <Show when={problem()} fallback={core('loading')}>
            {(error) => (
              <>
                <p role="alert">{isNowhere(error()) ? core('error.not_found') : describe(error())}</p>
                <Show when={!isNowhere(error())}>
                  <Button look="primary" onClick={load}>
                    {core('retry')}
                  </Button>
                </Show>
                <Button onClick={() => back('/support')}>{core('back')}</Button>
              </>
            )}
          </Show>
        </div>
      }
    >
      {(request) => <Shown request={request()} />}
    </Show>
  )
}

function Shown(props: { request: SupportRequest }) {
  const desk = useDesk()
  const { me } = useChat()
  const id = () => props.request.id
  const standing = createMemo(
    (): Standing => {
      const isCustomer = props.request.customer.id === me.id
      const isStaff = desk.isStaff && !isCustomer
      const isAgent = isStaff && props.request.agent?.id === me.id
      return { isCustomer, isStaff, isAgent, mayDecide: isAgent || (isStaff && me.role === 'admin') }
    },
    undefined,
    { equals: isSame },
  )
  const mayRead = () => standing().isCustomer || standing().mayDecide
  // Who gets a request may read what was said before; it is asked for anew after each break.
  createEffect(() => {
    if (!mayRead() || desk.phase() !== 'online') return
    desk.loadSessions(id()).catch(toastError)
  })
  // Only its two sides are told what becomes of a request: who else looks at it asks now and then.
  createEffect(() => {
    if (standing().isCustomer || standing().isAgent) return
    const state = () => JSON.stringify([desk.request(id()), desk.sessions(id())])
    const looking = keepLooking(async () => {
      const before = state()
      await Promise.all([desk.loadOne(id()), mayRead() && desk.loadSessions(id())])
      return state() !== before
    })
    onCleanup(looking.end)
  })
  const wide = matchMedia(WIDE)
  const [details, setDetails] = createSignal(wide.matches)
  const [chosen, setChosen] = createSignal<string>()
  const sessions = () => desk.sessions(id())
  const session = () => sessions().find((one) => one.id === chosen()) ?? sessions().at(-1)
  // What is to be shown may be in an earlier talk.
  createEffect(() => {
    const place = sessions().find(({ conversation }) => conversation === wanted()?.conversation)
    if (place) setChosen(place.id)
  })
  return (
    <section class="support-main" classList={{ detailed: details() && standing().isStaff }} aria-label={props.request.subject}>
      <Head request={props.request} standing={standing()} session={session()} detailed={details()} onDetails={() => setDetails((open) => !open)} />
      <div class="support-talk">
        <Notices request={props.request} standing={standing()} />
        <Show when={mayRead() && sessions().length > 1}>
          <Sessions all={sessions()} shown={session()} onChoose={setChosen} />
        </Show>
        <Switch>
          <Match when={!mayRead()}>
            <p class="empty">{t('reading.not')}</p>
          </Match>
          <Match when={!standing().isCustomer && !standing().isAgent}>
            <Show when={session()?.id} keyed fallback={<p class="empty">{t('say.nothing')}</p>}>
              {(one) => <Reader session={one} />}
            </Show>
          </Match>
          <Match when={true}>
            <Talk request={props.request} session={session()} standing={standing()} onOpened={() => setChosen(undefined)} />
          </Match>
        </Switch>
      </div>
      <Show when={details() && standing().isStaff}>
        <Details request={props.request} />
      </Show>
    </section>
  )
}

function Head(props: { request: SupportRequest; standing: Standing; session: SupportSession | undefined; detailed: boolean; onDetails: () => void }) {
  const desk = useDesk()
  const { token } = useChat()
  const [transferring, setTransferring] = createSignal(false)
  const [asking, setAsking] = createSignal(false)
  const [busy, setBusy] = createSignal(false)
  const status = () => props.request.status
  const run = (what: () => Promise<unknown>) => {
    if (busy()) return
    setBusy(true)
    what().catch(toastError).finally(() => setBusy(false))
  }
  const step = (name: 'resolve' | 'close' | 'reopen') => run(() => desk.step(props.request.id, name))
  const other = () => (props.standing.isCustomer ? props.request.agent : props.request.customer)
  const items = (): MenuItem[] => {
    const { isCustomer, isAgent, mayDecide } = props.standing
    const { session } = props
    return [
      ...(mayDecide && status() === 'IN_PROGRESS' ? ([{ label: t('transfer'), icon: 'transfer', run: () => setTransferring(true) }] as const) : []),
      ...(mayDecide && status() === 'RESOLVED' ? ([{ label: t('reopen'), icon: 'reply', run: () => step('reopen') }] as const) : []),
      ...(session && (isCustomer || mayDecide) ? ([{ label: t('transcript'), icon: 'download', run: () => void download(session.id, token()).catch(toastError) }] as const) : []),
      ...(session?.status === 'ACTIVE' && (isCustomer || isAgent) ? (['line', { label: t('session.end'), icon: 'stop', danger: true, run: () => run(() => desk.endSession(session.id)) }] as const) : []),
    ]
  }
  return (
    <header class="support-bar">
      <span class="support-back">
        <IconButton icon="back" label={core('back')} onClick={() => back('/support')} />
      </span>
      <div class="support-title">
        <h2 class="one-line" title={props.request.subject}>
          {props.request.subject}
        </h2>
        <p class="support-row-line small">
          <span class="quiet one-line">
            {core('said', { who: props.standing.isCustomer ? t('agent') : t('customer'), what: other() ? nameOf(other()!) : t('nobody') })}
          </span>
          <StatusChip of={props.request} />
          <Priority of={props.request} />
        </p>
      </div>
      <div class="support-actions">
        <Switch>
          <Match when={props.standing.isStaff && status() === 'NEW'}>
            <Button look="primary" disabled={busy()} onClick={() => run(() => desk.take(props.request.id))}>
              {t('take')}
            </Button>
          </Match>
          <Match when={props.standing.mayDecide && status() === 'IN_PROGRESS'}>
            <Button look="primary" icon="check" disabled={busy()} onClick={() => step('resolve')}>
              {t('resolve')}
            </Button>
          </Match>
          <Match when={props.standing.mayDecide && status() === 'RESOLVED'}>
            <Button disabled={busy()} onClick={() => step('close')}>
              {t('close')}
            </Button>
          </Match>
          <Match when={props.standing.mayDecide && status() === 'CLOSED'}>
            <Button disabled={busy()} onClick={() => step('reopen')}>
              {t('reopen')}
            </Button>
          </Match>
          <Match when={props.standing.isCustomer && !isOpen(props.request)}>
            <Button onClick={() => setAsking(true)}>{t('askAgain')}</Button>
          </Match>
        </Switch>
        <Show when={items().length > 0}>
          <Menu label={t('actions')} items={items()}>
            <Icon name="more" />
          </Menu>
        </Show>
        <Show when={props.standing.isStaff}>
          <IconButton icon="info" label={t('details')} aria-pressed={props.detailed} onClick={props.onDetails} />
        </Show>
      </div>
      <Show when={transferring()}>
        <Transfer request={props.request} onClose={() => setTransferring(false)} />
      </Show>
      <Show when={asking()}>
        <NewRequest subject={props.request.subject} onClose={() => setAsking(false)} />
      </Show>
    </header>
  )
}

/** The talk as a text file. It needs the token, so a link alone would not do. */
async function download(session: string, token: string): Promise<void> {
  const answer = await fetch(`/api/v1/support/sessions/${encodeURIComponent(session)}/transcript`, { headers: { authorization: `Bearer ${token}` }, credentials: 'omit' })
  if (!answer.ok) throw new Error(String(answer.status))
  const url = URL.createObjectURL(await answer.blob())
  const link = document.createElement('a')
  link.href = url
  link.download = `${session}.txt`
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 1_000)
}

/** Where one stands in the queue, and how it went. */
function Notices(props: { request: SupportRequest; standing: Standing }) {
  const desk = useDesk()
  const place = () => (props.request.status === 'NEW' && props.standing.isCustomer ? desk.place(props.request.id) : undefined)
  return (
    <>
      <div role="status">
        <Show when={place()}>
          {(here) => (
            <div class="support-place">
              <span class="support-number" aria-hidden="true">
                {here().place}
              </span>
              <p>
                <strong>{here().place === 1 ? t('place.first') : t('place.is', { place: here().place })}</strong>
                <span class="quiet small">{here().wait_s === undefined ? t('wait.unknown') : t('wait.is', { time: duration(here().wait_s!) })}</span>
              </p>
            </div>
          )}
        </Show>
      </div>
      <Show when={!isOpen(props.request) && props.standing.isCustomer}>
        <Rating request={props.request} />
      </Show>
    </>
  )
}

/** Which of a request's talks. */
function Sessions(props: { all: readonly SupportSession[]; shown: SupportSession | undefined; onChoose: (id: string) => void }) {
  const id = createUniqueId()
  return (
    <div class="support-sessions small">
      <label for={id}>{t('session.which')}</label>
      <select id={id} class="input small" value={props.shown?.id} onChange={(event) => props.onChoose(event.currentTarget.value)}>
        <For each={props.all}>
          {(one, at) => (
            <option value={one.id} selected={one.id === props.shown?.id}>
              {t('session.name', { number: at() + 1, date: exactly(one.created_at) })}
            </option>
          )}
        </For>
      </select>
    </div>
  )
}
