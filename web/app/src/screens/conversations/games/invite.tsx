/** Invites the others of a conversation to a game. */
import type { ConversationState } from '@palabre/client'
import { createSignal, For, Show } from 'solid-js'
import { useChat } from '../../../core/session.js'
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/games.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { SelectField, TextField } from '../../../ui/field.js'
import { toastError } from '../../../ui/toast.js'

/** What the server takes. */
const NAME_CHARS = 64
const SEATS = 100
/** Minutes it may be open. */
const OPEN = ['none', '5', '60', '1440'] as const
type Open = (typeof OPEN)[number]
const MINUTE_MS = 60_000

/** Whether there is somebody to play with, and one may write. */
export const mayInvite = ({ kind, permission }: ConversationState): boolean => (kind === 'private' || kind === 'group') && permission !== 'r'

export function InviteToGame(props: { conversation: ConversationState; onClose: () => void }) {
  const { client } = useChat()
  const [name, setName] = createSignal('')
  const [capacity, setCapacity] = createSignal(1)
  const [open, setOpen] = createSignal<Open>('60')
  const isGroup = () => props.conversation.kind === 'group'
  const send = () => {
    const game = name().trim()
    if (game === '') return
    try {
      client.sendGame(props.conversation.id, {
        game,
        payload: {},
        ...(isGroup() && { capacity: capacity() }),
        ...(open() !== 'none' && { expires_at: new Date(client.now() + Number(open()) * MINUTE_MS).toISOString() }),
      })
      props.onClose()
    } catch (error) {
      toastError(error)
    }
  }
  return (
    <Dialog
      title={t('invite')}
      onClose={props.onClose}
      onSubmit={send}
      actions={
        <>
          <Button onClick={() => props.onClose()}>{core('cancel')}</Button>
          <Button type="submit" look="primary" icon="game" disabled={name().trim() === ''}>
            {t('send')}
          </Button>
        </>
      }
    >
      <TextField label={t('game')} hint={t('game.hint')} required maxLength={NAME_CHARS} value={name()} onInput={(event) => setName(event.currentTarget.value)} />
      <Show when={isGroup()}>
        <TextField
          label={t('capacity')}
          type="number"
          required
          min={1}
          max={SEATS}
          value={capacity()}
          onInput={(event) => {
            const wanted = event.currentTarget.valueAsNumber
            if (Number.isInteger(wanted)) setCapacity(Math.min(SEATS, Math.max(1, wanted)))
          }}
        />
      </Show>
      <SelectField label={t('until')} value={open()} onChange={(event) => setOpen(event.currentTarget.value as Open)}>
        <For each={OPEN}>{(one) => <option value={one}>{t(`until.${one}`)}</option>}</For>
      </SelectField>
    </Dialog>
  )
}
