/** Answers that agents have at hand. */
import { PalabreError } from '@palabre/client'
import { createResource, createSignal, For, Show } from 'solid-js'
import { describe } from '../../core/errors.js'
import { useChat } from '../../core/session.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Button, IconButton } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import { TextArea, TextField } from '../../ui/field.js'
import { Icon } from '../../ui/icon.js'
import { Menu, type MenuItem } from '../../ui/menu.js'
import { toastError } from '../../ui/toast.js'
import type { Page } from './desk.js'

interface Canned {
  id: string
  name: string
  body: string
}

const PATH = '/api/v1/support/canned'
/** In the menu and the dialog; who has more finds them by name in the API. */
const SHOWN = 200

export function CannedAnswers(props: { onPick: (text: string) => void }) {
  const { rest } = useChat()
  const [managing, setManaging] = createSignal(false)
  const [answers, { refetch }] = createResource(async () => {
    try {
      return (await rest.call<Page<Canned>>('GET', `${PATH}?limit=${SHOWN}`)).items
    } catch (error) {
      toastError(error)
      return []
    }
  })
  const items = (): MenuItem[] => [
    ...(answers.latest ?? []).map(({ name, body }) => ({ label: name, run: () => props.onPick(body) })),
    ...(answers.latest?.length ? (['line'] as const) : []),
    { label: t('canned.manage'), icon: 'edit', run: () => setManaging(true) },
  ]
  return (
    <>
      <Menu label={t('canned')} items={items()} onOpen={(open) => open && void refetch()}>
        <Icon name="note" />
      </Menu>
      <Show when={managing()}>
        <Manage answers={answers.latest ?? []} onChanged={() => void refetch()} onClose={() => setManaging(false)} />
      </Show>
    </>
  )
}

function Manage(props: { answers: Canned[]; onChanged: () => void; onClose: () => void }) {
  const { rest } = useChat()
  const [edited, setEdited] = createSignal<Canned>()
  const [name, setName] = createSignal('')
  const [body, setBody] = createSignal('')
  const [problem, setProblem] = createSignal<string>()
  const edit = (answer?: Canned) => {
    setEdited(answer)
    setName(answer?.name ?? '')
    setBody(answer?.body ?? '')
    setProblem(undefined)
  }
  const save = async () => {
    const answer = { name: name().trim(), body: body().trim() }
    try {
      const one = edited()
      await rest.call(one ? 'PATCH' : 'POST', one ? `${PATH}/${one.id}` : PATH, answer)
      edit()
      props.onChanged()
    } catch (error) {
      setProblem(describe(error))
    }
  }
  const remove = async ({ id }: Canned) => {
    try {
      await rest.call('DELETE', `${PATH}/${id}`)
    } catch (error) {
      // Gone already is what was wanted.
      if (!(error instanceof PalabreError && error.code === 'not_found')) toastError(error)
    }
    if (edited()?.id === id) edit()
    props.onChanged()
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
      <Show when={props.answers.length > 0} fallback={<p class="quiet">{t('canned.none')}</p>}>
        <ul class="support-canned" role="list">
          <For each={props.answers}>
            {(answer) => (
              <li>
                <div>
                  <strong>{answer.name}</strong>
                  <p class="quiet small one-line">{answer.body}</p>
                </div>
                <IconButton icon="edit" small label={t('canned.edit', { name: answer.name })} onClick={() => edit(answer)} />
                <IconButton icon="trash" small label={t('canned.delete', { name: answer.name })} onClick={() => void remove(answer)} />
              </li>
            )}
          </For>
        </ul>
      </Show>
      <h3>{edited() ? t('canned.edit', { name: edited()!.name }) : t('canned.new')}</h3>
      <TextField label={t('canned.name')} required maxLength={255} problem={problem()} value={name()} onInput={(event) => setName(event.currentTarget.value)} />
      <TextArea label={t('canned.body')} required rows="4" maxLength={16_384} value={body()} onInput={(event) => setBody(event.currentTarget.value)} />
    </Dialog>
  )
}
