/** All canned answers: to look for one and take it, and to add, change and delete them. */
import { PalabreError } from '@palabre/client'
import { createResource, createSignal, For, Show } from 'solid-js'
import { describe } from '../../core/errors.js'
import { loaded } from '../../core/loaded.js'
import { make } from '../../core/once.js'
import { useChat } from '../../core/session.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Button, IconButton } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import { TextArea, TextField } from '../../ui/field.js'
import { toastError } from '../../ui/toast.js'
import { all } from '../../core/pages.js'
import './canned.css'

export interface Canned {
  id: string
  name: string
  body: string
}

/** Where they are. */
export const CANNED = '/api/v1/support/canned'
/** Shown of those that are found. */
const SHOWN = 50

/** As it is compared: without case and accents. */
const plain = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()

/** With a field to look for one where there are many. */
export function CannedDialog(props: { many: boolean; onPick: (text: string) => void; onClose: () => void }) {
  const { rest } = useChat()
  const [edited, setEdited] = createSignal<Canned>()
  const [wanted, setWanted] = createSignal('')
  const [name, setName] = createSignal('')
  const [body, setBody] = createSignal('')
  const [problem, setProblem] = createSignal<string>()
  let isBusy = false
  const [answers, { refetch }] = createResource(async (_, { value }: { value: Canned[] | undefined }) => {
    try {
      return await all<Canned>(rest, CANNED)
    } catch (error) {
      setProblem(describe(error))
      return value ?? []
    }
  })
  const found = () => {
    const words = plain(wanted()).split(/\s+/)
    return (loaded(answers) ?? []).filter((answer) => {
      const text = plain(`${answer.name} ${answer.body}`)
      return words.every((word) => text.includes(word))
    })
  }
  const edit = (answer?: Canned) => {
    setEdited(answer)
    setName(answer?.name ?? '')
    setBody(answer?.body ?? '')
    setProblem(undefined)
  }
  const save = async () => {
    if (isBusy) return
    isBusy = true
    const one = edited()
    const [written, text] = [name(), body()]
    // Another one may be written by the time the server has it.
    const isHere = () => edited() === one && name() === written && body() === text
    try {
      const answer = { name: written.trim(), body: text.trim() }
      await (one ? rest.call('PATCH', `${CANNED}/${one.id}`, answer) : make(rest, CANNED, answer))
      if (isHere()) edit()
      void refetch()
    } catch (error) {
      if (isHere()) setProblem(describe(error))
      else toastError(error)
    }
    isBusy = false
  }
  const remove = async ({ id }: Canned) => {
    try {
      await rest.call('DELETE', `${CANNED}/${id}`)
    } catch (error) {
      // Gone already is what was wanted.
      if (!(error instanceof PalabreError && error.code === 'not_found')) toastError(error)
    }
    if (edited()?.id === id) edit()
    void refetch()
  }
  return (
    <Dialog
      title={t('canned')}
      wide
      onClose={props.onClose}
      onSubmit={() => void save()}
      actions={
        <>
          <Show when={edited()}>
            <Button onClick={() => edit()}>{t('canned.new')}</Button>
          </Show>
          <Button type="submit" look="primary">
            {core('save')}
          </Button>
        </>
      }
    >
      <Show when={props.many}>
        <TextField
          type="search"
          label={t('canned.search')}
          autofocus
          maxLength={255}
          value={wanted()}
          onInput={(event) => setWanted(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return
            // It takes the first one, and saves nothing.
            event.preventDefault()
            const first = found()[0]
            if (first) props.onPick(first.body)
          }}
        />
      </Show>
      <div role="status" class="quiet small">
        <Show when={answers.loading && !loaded(answers)}>{core('loading')}</Show>
        <Show when={loaded(answers)?.length === 0}>{t('canned.none')}</Show>
        <Show when={wanted() && loaded(answers)}>{found().length === 0 ? t('search.none') : t.count('canned.found', found().length)}</Show>
      </div>
      <Show when={found().length > 0}>
        <ul class="canned" role="list">
          <For each={found().slice(0, SHOWN)}>
            {(answer) => (
              <li>
                <button type="button" class="canned-use" onClick={() => props.onPick(answer.body)}>
                  <strong class="one-line">{answer.name}</strong>
                  <span class="quiet small one-line">{answer.body}</span>
                </button>
                <IconButton icon="edit" small label={t('canned.edit', { name: answer.name })} onClick={() => edit(answer)} />
                <IconButton icon="trash" small label={t('canned.delete', { name: answer.name })} onClick={() => void remove(answer)} />
              </li>
            )}
          </For>
        </ul>
        <Show when={found().length > SHOWN}>
          <p class="hint">{t('canned.more', { shown: SHOWN })}</p>
        </Show>
      </Show>
      <h3>{edited() ? t('canned.edit', { name: edited()!.name }) : t('canned.new')}</h3>
      <TextField label={t('canned.name')} required maxLength={255} problem={problem()} value={name()} onInput={(event) => setName(event.currentTarget.value)} />
      <TextArea label={t('canned.body')} required rows="4" maxLength={16_384} value={body()} onInput={(event) => setBody(event.currentTarget.value)} />
    </Dialog>
  )
}
