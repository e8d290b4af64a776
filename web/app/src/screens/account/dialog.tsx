/** One's own picture and status, the appearance, the language, and the way out. */
import type { Status } from '@palabre/client'
import { createSignal, For, Show } from 'solid-js'
import { describe } from '../../core/errors.js'
import { canNotify, isForbidden, notifies, setNotifies } from '../../core/notify.js'
import { signOut, useChat } from '../../core/session.js'
import { setTheme, theme, THEMES, type Theme } from '../../core/theme.js'
import { t } from '../../i18n/core.js'
import { language, LANGUAGES, setLanguage, type Language } from '../../i18n/index.js'
import { Button } from '../../ui/button.js'
import { Confirm } from '../../ui/confirm.js'
import { Dialog } from '../../ui/dialog.js'
import { CheckField, SelectField, TextField } from '../../ui/field.js'
import { PictureField } from './picture.js'

const STATUSES = ['online', 'away', 'busy', 'invisible'] as const
type Chosen = (typeof STATUSES)[number]

const chosen = (now: Status | undefined): Chosen => STATUSES.find((one) => one === now?.status) ?? 'online'

export function AccountDialog(props: { status: Status | undefined; onClose: () => void }) {
  const { client, me, unsent } = useChat()
  // Only what is chosen here is told: an invisible person must not be seen for a new theme.
  const [status, setStatus] = createSignal<Chosen>()
  const [text, setText] = createSignal<string>()
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<string>()
  /** What signing out discards. */
  const [lost, setLost] = createSignal<string>()

  const save = async () => {
    if (busy()) return
    if (status() === undefined && text() === undefined) return props.onClose()
    setBusy(true)
    setProblem(undefined)
    try {
      // How it is now is known once there was a connection.
      if (status() === undefined && !client.session) await client.connect()
      await client.setStatus(status() ?? chosen(client.status(me.id)), text()?.trim())
      props.onClose()
    } catch (error) {
      setProblem(describe(error))
      setBusy(false)
    }
  }
  const leave = async () => {
    const messages = await client.countUnsent()
    const count = (what: 'edits' | 'files') => unsent.reduce((sum, one) => sum + (one.what === what ? one.count() : 0), 0)
    const all = { messages, edits: count('edits'), files: count('files') }
    const words = (['messages', 'edits', 'files'] as const).filter((what) => all[what] > 0).map((what) => t.count(`signOut.${what}`, all[what]))
    if (words.length === 0) signOut()
    else setLost([...words, t('signOut.discards')].join(' '))
  }
  return (
    <Dialog
      title={me.username}
      onClose={props.onClose}
      onSubmit={() => void save()}
      actions={
        <>
          <Button look="danger" icon="leave" onClick={() => void leave()}>
            {t('signOut')}
          </Button>
          <Button type="submit" look="primary" disabled={busy()}>
            {t('save')}
          </Button>
        </>
      }
    >
      <Show when={problem()}>
        {(words) => (
          <p class="notice bad" role="alert">
            {words()}
          </p>
        )}
      </Show>
      <PictureField />
      <SelectField label={t('status')} value={status() ?? chosen(props.status)} onChange={(event) => setStatus(event.currentTarget.value as Chosen)}>
        <For each={STATUSES}>{(one) => <option value={one}>{t(`status.${one}`)}</option>}</For>
      </SelectField>
      <TextField label={t('status.text')} maxLength={140} value={text() ?? props.status?.text ?? ''} onInput={(event) => setText(event.currentTarget.value)} />
      <SelectField label={t('theme')} value={theme()} onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
        <For each={THEMES}>{(one) => <option value={one}>{t(`theme.${one}`)}</option>}</For>
      </SelectField>
      <SelectField label={t('language')} value={language()} onChange={(event) => setLanguage(event.currentTarget.value as Language)}>
        <For each={Object.entries(LANGUAGES)}>{([code, name]) => <option value={code}>{name}</option>}</For>
      </SelectField>
      <Show when={canNotify()}>
        <CheckField
          label={t('notify')}
          hint={t(isForbidden() ? 'notify.forbidden' : 'notify.hint')}
          checked={notifies()}
          disabled={isForbidden()}
          onChange={({ currentTarget }) => void setNotifies(currentTarget.checked).finally(() => (currentTarget.checked = notifies()))}
        />
      </Show>
      <Show when={lost()}>
        {(text) => <Confirm title={t('signOut.unsent')} text={text()} action={t('signOut.discard')} stay={t('signOut.stay')} run={signOut} onClose={() => setLost(undefined)} />}
      </Show>
    </Dialog>
  )
}
