/** A row of a history. One that fails says so in its place: the others, and what may be done with it, stay. */
import type { Message } from '@palabre/client'
import { createEffect, createSignal, ErrorBoundary, on, Show } from 'solid-js'
import { useChat } from '../../../core/session.js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { Confirm } from '../../../ui/confirm.js'
import { Icon } from '../../../ui/icon.js'
import { StayContext } from '../../../ui/stay.js'
import { toastError } from '../../../ui/toast.js'
import { Links } from '../dialogs/link-notice.js'
import { day } from '../times.js'
import { MessageRow, type Actions } from './message.js'
import type { Row } from './rows.js'

export interface RowProps {
  row: Row
  conversation: string
  actions: Actions
  /** The message that the arrow keys are at. */
  active: string | undefined
  /** The message that was looked for. */
  marked: string | undefined
  onActive: (key: string) => void
  /** Keeps it in the page, however far it is from what is seen. */
  stay: (key: string) => () => void
}

export function RowView(props: RowProps) {
  const { row } = props
  if (row.kind === 'new') {
    return (
      <div class="separator new">
        <span>{t('new.line')}</span>
      </div>
    )
  }
  if (row.kind === 'day') {
    return (
      <ErrorBoundary fallback={<div class="separator" />}>
        <div class="separator">
          <span>{day(row.date)}</span>
        </div>
      </ErrorBoundary>
    )
  }
  return (
    <StayContext.Provider value={() => props.stay(row.key)}>
      <ErrorBoundary
        fallback={(_error, again) => {
          // When it changes it may do better.
          createEffect(on(row.view, again, { defer: true }))
          return <Broken message={row.view().message} pending={row.view().pending?.id} conversation={props.conversation} actions={props.actions} />
        }}
      >
        <Links refocus={() => document.querySelector<HTMLElement>(`[data-message="${CSS.escape(row.key)}"]`)?.focus()}>
          <MessageRow view={row.view()} conversation={props.conversation} actions={props.actions} isActive={props.active === row.key} isMarked={props.marked === row.key} onActive={() => props.onActive(row.key)} />
        </Links>
      </ErrorBoundary>
    </StayContext.Provider>
  )
}

function Broken(props: { message: Message | undefined; pending: string | undefined; conversation: string; actions: Actions }) {
  const { client, me } = useChat()
  const [deleting, setDeleting] = createSignal(false)
  const mayDelete = () => props.message && !props.message.deleted_at && (props.message.author?.id === me.id || props.actions.mayDeleteAll())
  return (
    <div class="message-broken small" role="alert">
      <Icon name="alert" size={16} />
      <span>{t('message.broken')}</span>
      <Show when={mayDelete()}>
        <Button small onClick={() => setDeleting(true)}>
          {t('delete')}
        </Button>
      </Show>
      <Show when={props.pending}>
        {(id) => (
          <Button small onClick={() => void client.discard(id())}>
            {t('discard')}
          </Button>
        )}
      </Show>
      <Show when={deleting() && props.message}>
        {(message) => <Confirm title={t('delete.title')} text={t('delete.text')} action={t('delete')} onClose={() => setDeleting(false)} run={() => client.delete(props.conversation, message().id).catch(toastError)} />}
      </Show>
    </div>
  )
}
