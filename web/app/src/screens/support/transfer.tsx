/** Passing a request on to another agent. */
import { PalabreError, type SupportRequest } from '@palabre/client'
import { createSignal, For, onMount, Show } from 'solid-js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Avatar } from '../../ui/avatar.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import { toast, toastError } from '../../ui/toast.js'
import { nameOf } from '../conversations/names.js'
import { useDesk } from './desk.js'

export function Transfer(props: { request: SupportRequest; onClose: () => void }) {
  const desk = useDesk()
  const [to, setTo] = createSignal<string>()
  onMount(() => void desk.loadAgents().catch(toastError))
  // The customer may be an agent too.
  const others = () => desk.agents().filter(({ user }) => user.id !== props.request.agent?.id && user.id !== props.request.customer.id)
  const transfer = async () => {
    const agent = others().find(({ user }) => user.id === to())
    if (!agent) return
    try {
      await desk.step(props.request.id, 'transfer', { to: agent.user.id })
      toast(t('transfer.done', { name: nameOf(agent.user) }))
      props.onClose()
    } catch (error) {
      if (error instanceof PalabreError && error.code === 'conflict') toast(t('transfer.full', { name: nameOf(agent.user) }))
      else toastError(error)
      await Promise.all([desk.loadAgents(), desk.loadOne(props.request.id)]).catch(() => undefined)
    }
  }
  return (
    <Dialog
      title={t('transfer.title')}
      onClose={props.onClose}
      onSubmit={() => void transfer()}
      actions={
        <>
          <Button onClick={props.onClose}>{core('cancel')}</Button>
          <Button type="submit" look="primary" disabled={to() === undefined}>
            {t('transfer.do')}
          </Button>
        </>
      }
    >
      <Show when={others().length > 0} fallback={<p>{t('transfer.none')}</p>}>
        <fieldset class="support-kinds">
          <legend class="unseen">{t('transfer.title')}</legend>
          <For each={others()}>
            {(agent) => (
              <label class="support-kind">
                <input type="radio" name="to" value={agent.user.id} checked={to() === agent.user.id} onChange={() => setTo(agent.user.id)} />
                <Avatar id={agent.user.id} name={nameOf(agent.user)} picture={agent.user.avatar} small />
                <span>
                  <strong>{nameOf(agent.user)}</strong>
                  <span class="hint">
                    {t(`is.${agent.status}`)}, {t('load', { load: agent.load, capacity: agent.capacity })}
                  </span>
                </span>
              </label>
            )}
          </For>
        </fieldset>
      </Show>
    </Dialog>
  )
}
