/** Making a group. */
import { createSignal, Show } from 'solid-js'
import { describe } from '../../../core/errors.js'
import { go } from '../../../core/router.js'
import { useChat } from '../../../core/session.js'
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { TextField } from '../../../ui/field.js'
import { pathOf } from '../place.js'
import { PeopleField, type Chosen } from './people-field.js'

export function NewGroup(props: { onClose: () => void }) {
  const { client } = useChat()
  const [title, setTitle] = createSignal('')
  const [people, setPeople] = createSignal<Chosen[]>([])
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<string>()
  let takeTyped = () => {}
  const make = async () => {
    if (busy()) return
    if (title().trim() === '') return setProblem(t('group.untitled'))
    takeTyped()
    setBusy(true)
    setProblem(undefined)
    try {
      const { id } = await client.createGroup({ title: title().trim(), add: people().map(({ key }) => key) })
      props.onClose()
      go(pathOf(id))
    } catch (error) {
      setProblem(describe(error))
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={t('new.group')}
      onClose={props.onClose}
      onSubmit={() => void make()}
      actions={
        <>
          <Button onClick={props.onClose}>{core('cancel')}</Button>
          <Button type="submit" look="primary" disabled={busy()}>
            {t('group.make')}
          </Button>
        </>
      }
    >
      <Show when={problem()}>
        {(text) => (
          <p class="notice bad" role="alert">
            {text()}
          </p>
        )}
      </Show>
      <TextField label={t('group.title')} required maxLength={200} value={title()} onInput={(event) => setTitle(event.currentTarget.value)} />
      <PeopleField chosen={people()} onChange={setPeople} register={(take) => (takeTyped = take)} />
    </Dialog>
  )
}
