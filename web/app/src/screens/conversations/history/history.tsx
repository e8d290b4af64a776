/** What was said, however much: only what is on the screen is in the page. Older and newer messages come while scrolling. */
import { createEffect, createMemo, createSignal, Match, on, onCleanup, onMount, Show, Switch, untrack } from 'solid-js'
import { Virtualizer, type VirtualizerHandle } from 'virtua/solid'
import { announce } from '../../../core/announce.js'
import { describe } from '../../../core/errors.js'
import { lasting } from '../../../core/lasting.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { toastError } from '../../../ui/toast.js'
import { StreamingAnswer } from '../bot/streaming-answer.js'
import { excerpt } from '../markdown-text.js'
import { isLarge } from '../members.js'
import { nameOf } from '../names.js'
import { setWanted, wanted } from '../place.js'
import { hold } from './hold.js'
import type { Actions } from './message.js'
import { RowView } from './row.js'
import { rowMaker, wereAddedBefore, type Row } from './rows.js'
import { staying } from './staying.js'

/** Unread messages that are among the newest that are fetched at first. */
const PAGE = 40
/** So near to an end of what is held, more is fetched. */
const NEAR_PX = 600
/** A message far away is there only when those around it were measured, which takes long where they are large. */
const PATIENT_FRAMES = 120
/** Closer to the bottom than this one is at the bottom, and stays there. */
const BOTTOM_PX = 60

export function History(props: { id: string; actions: Actions }) {
  const { client, me } = useChat()
  const { id } = props
  const held = watched(client, `messages:${id}`, () => client.messages(id))
  const pending = watched(client, 'outbox', () => client.pending(id))
  const members = watched(client, `members:${id}`, () => client.members(id) ?? [])
  const conversations = watched(client, 'conversations', () => client.conversation(id))
  const isOnline = watched(client, 'connection', () => client.connection.phase === 'online')
  const [readUpTo, setReadUpTo] = createSignal<number>()
  const [atBottom, setAtBottom] = createSignal(true)
  const [ready, setReady] = createSignal(false)
  /** The message that the arrow keys are at. */
  const [active, setActive] = createSignal<string>()
  const [marked, setMarked] = createSignal<string>()
  /** Why there are no messages to be shown. */
  const [problem, setProblem] = createSignal<string>()
  let scroller!: HTMLDivElement
  let below!: HTMLDivElement
  let virtual: VirtualizerHandle | undefined
  let loading = false
  let alive = true
  /** The sizes when it was last looked where one is. */
  let before = { whole: 0, top: 0, shown: 0 }
  const gone = new AbortController()
  const letGo = hold(client, id)
  onCleanup(() => {
    alive = false
    gone.abort()
    letGo()
  })

  const make = rowMaker()
  const rows = createMemo<{ all: readonly Row[]; shift: boolean }>(
    (before) => {
      const window = held()
      // What is on its way stands below the newest; where those are not held it is shown only while they can't be had.
      const waiting = window?.hasNewer && isOnline() ? [] : pending()
      const known = conversations()
      const watchedMembers = !known || known.kind === 'private' || isLarge(known) ? [] : members()
      const all = make({ items: window?.items ?? [], pending: waiting, readUpTo: readUpTo(), members: watchedMembers, me: me.id })
      return { all, shift: wereAddedBefore(before.all, all) }
    },
    { all: [], shift: false },
  )

  const { at: stayingAt, stay, follow } = staying(() => rows().all)

  const toBottom = () => {
    virtual?.scrollToIndex(rows().all.length - 1, { align: 'end' })
    // Below the last message an answer may be coming.
    if (below.offsetHeight > 0) scroller.scrollTop = scroller.scrollHeight
  }
  const toRow = (key: string, align: 'center' | 'start' | 'nearest') => {
    const at = rows().all.findIndex((row) => row.key === key)
    if (at >= 0) virtual?.scrollToIndex(at, { align })
    return at >= 0
  }

  const begin = async () => {
    setProblem(undefined)
    const noteUnread = () => {
      const { unread = 0, read_seq = 0 } = client.conversation(id) ?? {}
      const isMuch = unread > PAGE
      // Of much that was never read the newest is what one wants: where it begins may be years ago.
      if (unread > 0 && !(isMuch && read_seq === 0)) setReadUpTo(read_seq)
      return isMuch && read_seq > 0 ? read_seq + 1 : undefined
    }
    noteUnread()
    try {
      const place = wanted()
      if (place?.conversation === id) return await show(place.seq)
      const known = client.messages(id)
      const ask = () => {
        // More than a page is unread: it begins where that begins, and not in the middle of it.
        const first = noteUnread()
        return first === undefined ? client.open(id) : client.openAt(id, first)
      }
      if (!known || known.hasNewer) await lasting(client, gone.signal, ask)
      if (!alive) return
      const hasNew = rows().all.some(({ kind }) => kind === 'new')
      // What comes meanwhile does not pull it down.
      setAtBottom(!hasNew)
      settle(() => (hasNew ? toRow('new', 'start') : toBottom()))
    } catch (error) {
      if (alive) setProblem(describe(error))
    }
  }
  const toNewest = () => {
    if (!held()?.hasNewer) return toBottom()
    lasting(client, gone.signal, () => client.open(id)).then(
      () => alive && settle(toBottom),
      (error: unknown) => alive && toastError(error),
    )
  }
  /** Goes somewhere as soon as the rows are there, and once more when they were measured. */
  const settle = (go: () => void) => {
    queueMicrotask(() => {
      go()
      requestAnimationFrame(() => {
        go()
        setReady(true)
        requestAnimationFrame(scrolled)
      })
    })
  }
  const show = async (seq: number) => {
    setWanted(undefined)
    const find = () => client.messages(id)?.items.find((message) => message.seq === seq)
    if (!find()) await lasting(client, gone.signal, () => client.openAt(id, seq))
    if (!alive) return
    const message = find()
    if (!message) {
      if (!ready()) settle(toBottom)
      return
    }
    setAtBottom(false)
    setMarked(message.id)
    setActive(message.id)
    settle(() => toRow(message.id, 'center'))
  }
  onMount(() => follow(scroller))
  onMount(() => void begin())
  createEffect(
    on(wanted, (place) => {
      if (place?.conversation === id && ready()) show(place.seq).catch(toastError)
    }),
  )

  const load = async (older: boolean) => {
    if (loading) return
    loading = true
    try {
      await (older ? client.loadOlder(id) : client.loadNewer(id))
    } catch {
      // Without a connection: scrolling on tries again.
    }
    loading = false
    if (alive) requestAnimationFrame(scrolled)
  }

  const scrolled = () => {
    if (!virtual || !alive || !ready()) return
    const { scrollOffset } = virtual
    const { scrollHeight: whole, scrollTop: top, clientHeight: shown } = scroller
    const left = whole - top - shown
    const window = held()
    // What grows takes one away from the bottom too, and is followed; who leaves it goes up, and nothing else changes.
    const hasLeft = top < before.top && whole === before.whole && shown === before.shown
    before = { whole, top, shown }
    if (window?.hasNewer || (left >= BOTTOM_PX && hasLeft)) setAtBottom(false)
    else if (left < BOTTOM_PX) setAtBottom(true)
    if (window?.hasOlder && scrollOffset < NEAR_PX) void load(true)
    else if (window?.hasNewer && left < NEAR_PX) void load(false)
    tellWhatIsSeen()
  }

  /** What is on the screen of somebody who looks is read. */
  const tellWhatIsSeen = () => {
    if (!virtual || document.visibilityState !== 'visible' || !document.hasFocus()) return
    const { all } = rows()
    const last = virtual.findItemIndex(virtual.scrollOffset + virtual.viewportSize - 8)
    for (let at = Math.min(last, all.length - 1); at >= 0; at -= 1) {
      const row = all[at]
      const seq = row?.kind === 'message' ? row.view().message?.seq : undefined
      if (seq !== undefined) {
        client.visible(id, seq)
        return
      }
    }
  }
  for (const event of ['focus', 'visibilitychange']) {
    const target = event === 'focus' ? window : document
    target.addEventListener(event, tellWhatIsSeen)
    onCleanup(() => target.removeEventListener(event, tellWhatIsSeen))
  }

  // New rows: who is at the bottom stays there, and who has written goes there.
  createEffect(
    on(rows, ({ all }, before) => {
      if (all.at(-1)?.key === before?.all.at(-1)?.key) return
      const last = all.at(-1)
      // Nothing else is there yet: what one writes meanwhile is seen all the same.
      if (!ready()) return void requestAnimationFrame(() => ready() || toBottom())
      const isOwn = last?.kind === 'message' && last.view().pending !== undefined
      if (!untrack(atBottom) && !isOwn) return
      settle(toBottom)
    }),
  )
  createEffect(
    on(pending, (now, before) => {
      // Written while older messages are looked at: on to the newest.
      if (now.length > (before?.length ?? now.length) && held()?.hasNewer) toNewest()
    }),
  )
  // Said to who doesn't see it come.
  const ended = client.on('message.text', (message) => {
    if (message.conversation === id && message.author.id !== me.id) announce(`${nameOf(message.author)}: ${excerpt(message.body)}`)
  })
  onCleanup(ended)
  onCleanup(client.on('llm.done', ({ message }) => void (message.conversation === id && announce(`${nameOf(message.author)}: ${excerpt(message.body)}`))))
  // Who is at the bottom stays there while an answer grows.
  const grown = new ResizeObserver(() => {
    if (!ready()) return
    if (untrack(atBottom)) toBottom()
    requestAnimationFrame(scrolled)
  })
  onMount(() => [scroller, below].forEach((one) => grown.observe(one)))
  onCleanup(() => grown.disconnect())

  const messages = () => rows().all.filter((row) => row.kind === 'message')
  const focusOn = (key: string) => {
    setActive(key)
    setAtBottom(false)
    toRow(key, 'nearest')
    requestAnimationFrame(scrolled)
    const focus = (tries: number) => {
      // Gone on, or elsewhere, meanwhile.
      if (active() !== key || !alive) return
      const found = scroller.querySelector<HTMLElement>(`[data-message="${CSS.escape(key)}"]`)
      found?.focus({ preventScroll: true })
      // Rows that were not measured yet are there, but hidden, and take no focus.
      if (tries > 0 && (!found || document.activeElement !== found)) requestAnimationFrame(() => focus(tries - 1))
    }
    focus(PATIENT_FRAMES)
  }
  const keys = (event: KeyboardEvent) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !(event.target as HTMLElement).matches('.history, .message')) return
    const all = messages()
    const at = all.findIndex(({ key }) => key === (active() ?? all.at(-1)?.key))
    const isIn = (event.target as HTMLElement).matches('.message')
    const to = { ArrowUp: isIn ? at - 1 : at, ArrowDown: isIn ? at + 1 : at, Home: 0, End: all.length - 1 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    const row = all[Math.min(all.length - 1, Math.max(0, to))]
    if (row) focusOn(row.key)
    if (event.key === 'ArrowDown' && isIn && at === all.length - 1) props.actions.focusComposer()
  }
  const unreadBelow = () => (atBottom() ? 0 : (conversations()?.unread ?? 0))

  return (
    <div class="history-place">
      {/* Its content can be scrolled with the keyboard, so it takes the focus. */}
      <div ref={scroller} class="history" classList={{ ready: ready() }} role="region" aria-label={t('messages')} tabindex="0" onKeyDown={keys}>
        <Switch>
          <Match when={problem()}>
            {(text) => (
              <div class="empty" role="alert">
                <p>{text()}</p>
                <Button onClick={() => void begin()}>{core('retry')}</Button>
              </div>
            )}
          </Match>
          <Match when={!held()}>
            <p class="empty">{isOnline() ? core('loading') : t('history.later')}</p>
          </Match>
          <Match when={!held()?.hasOlder && rows().all.length === 0}>
            <p class="empty">{t('history.none')}</p>
          </Match>
        </Switch>
        <Show when={held() !== undefined || rows().all.length > 0}>
          <div class="history-space" />
          <Virtualizer ref={(handle) => (virtual = handle)} data={rows().all as Row[]} shift={rows().shift} scrollRef={scroller} bufferSize={600} keepMounted={stayingAt()} onScroll={scrolled} onResize={() => atBottom() && ready() && toBottom()}>
            {(row) => <RowView row={row} conversation={id} actions={props.actions} active={active()} marked={marked()} onActive={setActive} stay={stay} />}
          </Virtualizer>
        </Show>
        <div ref={below} class="history-below">
          <Show when={!held()?.hasNewer && conversations()}>{(known) => <StreamingAnswer conversation={known()} />}</Show>
        </div>
      </div>
      <Show when={!atBottom()}>
        <button
          type="button"
          class="to-bottom"
          onClick={toNewest}
        >
          <Icon name="down" size={18} />
          <span>{unreadBelow() > 0 ? t.count('new', unreadBelow()) : t('toBottom')}</span>
        </button>
      </Show>
    </div>
  )
}
