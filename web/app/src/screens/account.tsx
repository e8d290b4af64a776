/** One's own status, the appearance, the language, and the way out. */
import { createSignal, For, Show } from 'solid-js'
import { signOut, useChat } from '../core/session.js'
import { setTheme, theme, THEMES, type Theme } from '../core/theme.js'
import { watched } from '../core/watch.js'
import { t } from '../i18n/core.js'
import { language, LANGUAGES, setLanguage, type Language } from '../i18n/index.js'
import { Avatar } from '../ui/avatar.js'
import { Button } from '../ui/button.js'
import { Dialog } from '../ui/dialog.js'
import { SelectField, TextField } from '../ui/field.js'
import { toastError } from '../ui/toast.js'

const STATUSES = ['online', 'away', 'busy', 'invisible'] as const
type Chosen = (typeof STATUSES)[number]

export function Account() {
  const { client, me } = useChat()
  const [open, setOpen] = createSignal(false)
  const status = watched(client, 'statuses', () => client.status(me.id))
  const connection = watched(client, 'connection', () => client.connection.phase)
  const user = watched(client, 'user', () => client.user)
  const name = () => user()?.name || me.username
  const presence = () => (connection() === 'online' ? (status()?.status ?? 'online') : 'offline')
  return (
    <>
      <button type="button" class="rail-link" aria-haspopup="dialog" onClick={() => setOpen(true)}>
        <Avatar id={me.id} name={name()} presence={presence()} small />
        <span class="one-line">
          <span class="unseen">{t('you')}: </span>
          {name()}
        </span>
      </button>
      <Show when={open()}>
        <AccountDialog status={presence()} text={status()?.text ?? ''} onClose={() => setOpen(false)} />
      </Show>
    </>
  )
}

function AccountDialog(props: { status: string; text: string; onClose: () => void }) {
  const { client, me } = useChat()
  const [status, setStatus] = createSignal<Chosen>(STATUSES.find((one) => one === props.status) ?? 'online')
  const [text, setText] = createSignal(props.text)
  const save = () => {
    client.setStatus(status(), text().trim()).catch(toastError)
    props.onClose()
  }
  return (
    <Dialog
      title={me.username}
      onClose={props.onClose}
      onSubmit={save}
      actions={
        <>
          <Button look="danger" icon="leave" onClick={signOut}>
            {t('signOut')}
          </Button>
          <Button type="submit" look="primary">
            {t('save')}
          </Button>
        </>
      }
    >
      <SelectField label={t('status')} value={status()} onChange={(event) => setStatus(event.currentTarget.value as Chosen)}>
        <For each={STATUSES}>{(one) => <option value={one}>{t(`status.${one}`)}</option>}</For>
      </SelectField>
      <TextField label={t('status.text')} maxLength={140} value={text()} onInput={(event) => setText(event.currentTarget.value)} />
      <SelectField label={t('theme')} value={theme()} onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
        <For each={THEMES}>{(one) => <option value={one}>{t(`theme.${one}`)}</option>}</For>
      </SelectField>
      <SelectField label={t('language')} value={language()} onChange={(event) => setLanguage(event.currentTarget.value as Language)}>
        <For each={Object.entries(LANGUAGES)}>{([code, name]) => <option value={code}>{name}</option>}</For>
      </SelectField>
    </Dialog>
  )
}
