/** What is said about a request, for the two who talk. */
import type { SupportRequest, SupportSession } from '@palabre/client'
import { Show } from 'solid-js'
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Button } from '../../ui/button.js'
import { toastError } from '../../ui/toast.js'
import { Conversation } from '../conversations/conversation.js'
import { CannedAnswers } from './canned.js'
import { isOpen, type Standing, useDesk } from './desk.js'

export function Talk(props: { request: SupportRequest; session: SupportSession | undefined; standing: Standing; onOpened: () => void }) {
  const desk = useDesk()
  const { client } = useChat()
  const open = () =>
    void desk
      .openSession(props.request.id)
      .then(props.onOpened)
      .catch(toastError)
  const canned = (insert: (text: string) => void) => <CannedAnswers onPick={insert} />
  const mayOpen = () => isOpen(props.request) && !desk.sessions(props.request.id).some(({ status }) => status === 'ACTIVE')
  // Who was just let in hears of the conversation a moment later.
  const isKnown = watched(client, 'conversations', () => props.session !== undefined && client.conversation(props.session.conversation) !== undefined)
  return (
    <Show
      when={props.session}
      fallback={
        <div class="support-begin quiet">
          <p>{props.standing.isCustomer && isOpen(props.request) ? t('say.first') : t('say.nothing')}</p>
          <Show when={mayOpen()}>
            <Button onClick={open}>{t('session.begin')}</Button>
          </Show>
        </div>
      }
    >
      {(session) => (
        <>
          <Show when={isKnown() && session().conversation} keyed fallback={<p class="empty">{core('loading')}</p>}>
            {(conversation) => <Conversation id={conversation} bare {...(props.standing.isStaff && { tools: canned })} />}
          </Show>
          <Show when={session().status !== 'ACTIVE'}>
            <div class="support-notice" role="status">
              <p>{t(`session.over.${session().status as 'CLOSED' | 'TIMEOUT'}`)}</p>
              <Show when={mayOpen()}>
                <Button small onClick={open}>
                  {t('session.again')}
                </Button>
              </Show>
            </div>
          </Show>
        </>
      )}
    </Show>
  )
}
