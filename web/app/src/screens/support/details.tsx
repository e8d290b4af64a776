/** What agents know of a request and its customer never sees: times, tags, notes, and every step. */
import type { SupportRequest, Timestamp, User } from '@palabre/client'
import { createResource, createSignal, For, Show } from 'solid-js'
import { loaded } from '../../core/loaded.js'
import { make } from '../../core/once.js'
import { useChat } from '../../core/session.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Button, IconButton } from '../../ui/button.js'
import { TextArea } from '../../ui/field.js'
import { toastError } from '../../ui/toast.js'
import { draft, setDraft } from '../conversations/drafts.js'
import { nameOf } from '../conversations/names.js'
import { useDesk } from './desk.js'
import { duration, exactly } from './format.js'
import { all } from '../../core/pages.js'
import { Stars } from './rating.js'
import './details.css'

/** As many as the server keeps of a request. */
const MOST_TAGS = 20

interface Note {
  id: string
  author: User
  body: string
  created_at: Timestamp
}

type StepName =
  | 'created' | 'taken' | 'assigned' | 'transferred' | 'returned' | 'resolved' | 'closed' | 'reopened' | 'session_opened' | 'session_closed'
  | 'session_timed_out' | 'mode_changed' | 'noted' | 'tagged' | 'rated'
interface Step {
  step: StepName
  at: Timestamp
  actor?: User
  from?: User
  to?: User
  detail?: string
}

export function Details(props: { request: SupportRequest }) {
  return (
    <aside class="support-details" aria-label={t('details')}>
      <Facts request={props.request} />
      <Tags request={props.request} />
      <Notes id={props.request.id} />
      <Audit request={props.request} />
    </aside>
  )
}

function Facts(props: { request: SupportRequest }) {
  const request = () => props.request
  return (
    <section>
      <h3>{t('facts')}</h3>
      <dl class="support-facts">
        <dt>{t('customer')}</dt>
        <dd>{nameOf(request().customer)}</dd>
        <dt>{t('agent')}</dt>
        <dd>{request().agent ? nameOf(request().agent!) : t('nobody')}</dd>
        <dt>{t('asked')}</dt>
        <dd>
          {exactly(request().created_at)}, {t(`type.${request().type}`)}
        </dd>
        <Show when={request().first_response_s !== undefined}>
          <dt>{t('first.response')}</dt>
          <dd>{duration(request().first_response_s!)}</dd>
        </Show>
        <Show when={request().resolution_s !== undefined}>
          <dt>{t('resolved.after')}</dt>
          <dd>{duration(request().resolution_s!)}</dd>
        </Show>
        <Show when={request().rating}>
          {(rating) => (
            <>
              <dt>{t('rated')}</dt>
              <dd>
                <Stars count={rating().stars} />
                <Show when={rating().comment}>{(comment) => <p class="support-comment">{comment()}</p>}</Show>
              </dd>
            </>
          )}
        </Show>
      </dl>
    </section>
  )
}

function Tags(props: { request: SupportRequest }) {
  const desk = useDesk()
  const [text, setText] = createSignal('')
  const tags = () => props.request.tags ?? []
  const { id } = props.request
  // The server is told all of them: each change begins with what has become of those before it.
  let turn = Promise.resolve()
  const change = (to: (tags: string[]) => string[]) => {
    turn = turn.then(async () => void (await desk.ask('PUT', `/${id}/tags`, { tags: to(desk.request(id)?.tags ?? []) }))).catch(toastError)
  }
  const add = () => {
    const tag = text().trim()
    setText('')
    if (tag && !tags().includes(tag)) change((all) => (all.includes(tag) ? all : [...all, tag]))
  }
  return (
    <section>
      <h3>{t('tags')}</h3>
      <Show when={tags().length > 0}>
        <ul class="support-tags" role="list">
          <For each={tags()}>
            {(tag) => (
              <li class="support-chip tag">
                <span>{tag}</span>
                <IconButton icon="close" small label={t('tag.remove', { tag })} onClick={() => change((all) => all.filter((one) => one !== tag))} />
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={tags().length < MOST_TAGS}>
        <form
          class="support-add"
          onSubmit={(event) => {
            event.preventDefault()
            add()
          }}
        >
          <input class="input small" maxLength={50} aria-label={t('tag.new')} placeholder={t('tag.new')} value={text()} onInput={(event) => setText(event.currentTarget.value)} />
          <Button type="submit" small>
            {t('tag.add')}
          </Button>
        </form>
      </Show>
    </section>
  )
}

function Notes(props: { id: string }) {
  const { rest, me } = useChat()
  const { id } = props
  // One looks at other requests before it is written.
  const place = `note-${id}`
  const text = () => draft(me.id, place).text
  const setText = (next: string) => setDraft(me.id, place, { text: next })
  let isBusy = false
  const [kept] = createResource(
    () => props.id,
    (id) => all<Note>(rest, `/api/v1/support/requests/${id}/notes`).catch((error: unknown) => (toastError(error), [])),
  )
  // The list may be from before one was added, or have it already.
  const [added, setAdded] = createSignal<readonly Note[]>([])
  const notes = () => {
    const known = loaded(kept) ?? []
    return [...known, ...added().filter(({ id }) => !known.some((note) => note.id === id))]
  }
  const add = async () => {
    const body = text().trim()
    if (!body || isBusy) return
    isBusy = true
    try {
      const note = await make<Note>(rest, `/api/v1/support/requests/${id}/notes`, { body })
      // More may have been written meanwhile.
      if (text().trim() === body) setText('')
      setAdded((before) => [...before, note])
    } catch (error) {
      toastError(error)
    }
    isBusy = false
  }
  return (
    <section>
      <h3>{t('notes')}</h3>
      <p class="hint">{t('notes.hint')}</p>
      <ul class="support-notes" role="list">
        <For each={notes()}>
          {(note) => (
            <li>
              <p class="small quiet">
                {nameOf(note.author)}, <time datetime={note.created_at}>{exactly(note.created_at)}</time>
              </p>
              <p class="support-body">{note.body}</p>
            </li>
          )}
        </For>
      </ul>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void add()
        }}
      >
        <TextArea label={t('note.new')} rows="2" maxLength={10_000} value={text()} onInput={(event) => setText(event.currentTarget.value)} />
        <Button type="submit" small icon="note" disabled={!text().trim()}>
          {t('note.add')}
        </Button>
      </form>
    </section>
  )
}

/** Loaded when it is opened, and after each step that is seen. */
function Audit(props: { request: SupportRequest }) {
  const { rest } = useChat()
  const [open, setOpen] = createSignal(false)
  const [steps] = createResource(
    () => open() && `${props.request.id} ${props.request.updated_at}`,
    () => all<Step>(rest, `/api/v1/support/requests/${props.request.id}/audit`).catch((error: unknown) => (toastError(error), [])),
  )
  const whom = ({ actor, from, to }: Step) => {
    const who = actor ? nameOf(actor) : t('by.desk')
    const way = [from, to].filter((user) => user !== undefined).map(nameOf).join(' → ')
    return way && way !== who ? core('said', { who, what: way }) : who
  }
  return (
    <details class="support-audit" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t('audit')}</summary>
      <ol role="list">
        <For each={loaded(steps)}>
          {(step) => (
            <li>
              <strong>{t(`step.${step.step}`)}</strong> <span class="quiet">{whom(step)}</span>
              <Show when={step.detail}>{(detail) => <span class="quiet">, {detail()}</span>}</Show>
              <time class="quiet small" datetime={step.at}>{exactly(step.at)}</time>
            </li>
          )}
        </For>
      </ol>
    </details>
  )
}
