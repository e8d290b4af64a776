/** Asking for support. */
import { PalabreError, type SupportPriority, type SupportType } from '@palabre/client'
import { createEffect, createSignal, For } from 'solid-js'
import { describe } from '../../core/errors.js'
import { go } from '../../core/router.js'
import { useChat } from '../../core/session.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/support.js'
import { Button } from '../../ui/button.js'
import { Dialog } from '../../ui/dialog.js'
import { CheckField, SelectField, TextArea, TextField } from '../../ui/field.js'
import { draft, setDraft } from '../conversations/drafts.js'
import { useDesk } from './desk.js'

const TYPES: readonly SupportType[] = ['CHAT', 'CONTACT_FORM']
const ORDER: readonly SupportPriority[] = ['LOW', 'MEDIUM', 'HIGH']

/** What is written, also when one has closed it before it was sent. */
interface Written {
  type: SupportType
  subject: string
  priority: SupportPriority
  message: string
  bot: boolean
}

function read(text: string): Partial<Written> {
  try {
    return (JSON.parse(text || '{}') ?? {}) as Partial<Written>
  } catch {
    return {}
  }
}

export function NewRequest(props: { subject?: string; onClose: () => void; onDone?: () => void }) {
  const desk = useDesk()
  const { me } = useChat()
  const { subject: given = '' } = props
  const place = `request-${given}`
  const kept = read(draft(me.id, place).text)
  const [type, setType] = createSignal<SupportType>(kept.type ?? 'CHAT')
  const [subject, setSubject] = createSignal(kept.subject ?? given)
  const [priority, setPriority] = createSignal<SupportPriority>(kept.priority ?? 'MEDIUM')
  const [message, setMessage] = createSignal(kept.message ?? '')
  const [bot, setBot] = createSignal(kept.bot ?? false)
  createEffect(() => {
    const written: Written = { type: type(), subject: subject(), priority: priority(), message: message(), bot: bot() }
    const isNothing = written.message === '' && (written.subject === '' || written.subject === given)
    setDraft(me.id, place, { text: isNothing ? '' : JSON.stringify(written) })
  })
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<string>()

  const ask = async () => {
    if (busy()) return
    const text = message().trim()
    if (type() === 'CONTACT_FORM' && !text) return setProblem(t('message.needed'))
    setBusy(true)
    setProblem(undefined)
    try {
      const wantsBot = bot() && type() === 'CHAT'
      const request = await desk.ask('POST', '', {
        type: type(),
        priority: priority(),
        subject: subject().trim(),
        ...(text && { message: text }),
        ...(wantsBot && { bot: true }),
      })
      // A chat begins at once, also before anything was said.
      if (type() === 'CHAT' && !text && !wantsBot) await desk.openSession(request.id).catch(() => undefined)
      setDraft(me.id, place, { text: '' })
      props.onDone?.()
      props.onClose()
      go(`/support/${request.id}`)
    } catch (error) {
      const isWithoutBot = error instanceof PalabreError && bot() && (error.field === 'bot' || error.code === 'not_found')
      setProblem(isWithoutBot ? t('bot.none') : describe(error))
      setBusy(false)
    }
  }

  return (
    <Dialog
      title={t('ask')}
      onClose={props.onClose}
      onSubmit={() => void ask()}
      actions={
        <>
          <Button onClick={props.onClose}>{core('cancel')}</Button>
          <Button type="submit" look="primary" disabled={busy()}>
            {t('send')}
          </Button>
        </>
      }
    >
      <TextField label={t('subject')} required autofocus maxLength={255} value={subject()} onInput={(event) => setSubject(event.currentTarget.value)} />
      <fieldset class="support-kinds">
        <legend>{t('type')}</legend>
        <For each={TYPES}>
          {(one) => (
            <label class="support-kind">
              <input type="radio" name="type" value={one} checked={type() === one} onChange={() => setType(one)} />
              <span>
                <strong>{t(`type.${one}`)}</strong>
                <span class="hint">{t(`type.${one}.hint`)}</span>
              </span>
            </label>
          )}
        </For>
      </fieldset>
      <SelectField label={t('urgency')} value={priority()} onChange={(event) => setPriority(event.currentTarget.value as SupportPriority)}>
        <For each={ORDER}>{(one) => <option value={one}>{t(`priority.${one}`)}</option>}</For>
      </SelectField>
      <TextArea label={t('message')} rows="4" maxLength={16_384} required={type() === 'CONTACT_FORM'} problem={problem()} value={message()} onInput={(event) => setMessage(event.currentTarget.value)} />
      {type() === 'CHAT' && <CheckField label={t('bot')} checked={bot()} onChange={(event) => setBot(event.currentTarget.checked)} />}
    </Dialog>
  )
}
