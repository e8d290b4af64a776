/** Inviting somebody to be a contact. */
import { createSignal } from 'solid-js'
import { describe } from '../../../core/errors.js'
import { go } from '../../../core/router.js'
import { useChat } from '../../../core/session.js'
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { TextField } from '../../../ui/field.js'
import { toast } from '../../../ui/toast.js'
import { pathOf } from '../place.js'
import { nameOf } from '../names.js'

export function Invite(props: { onClose: () => void }) {
  const { client } = useChat()
  const [name, setName] = createSignal('')
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<string>()
  const invite = async () => {
    if (busy()) return
    setBusy(true)
    setProblem(undefined)
    try {
      const { status, user, conversation } = await client.updateContact(name().trim(), 'invite')
      props.onClose()
      if (status === 'accepted' && conversation) go(pathOf(conversation))
      else toast(t('invite.sent', { name: nameOf(user) }))
    } catch (error) {
      setProblem(describe(error))
      setBusy(false)
    }
  }
  return (
    <Dialog
      title={t('new.contact')}
      onClose={props.onClose}
      onSubmit={() => void invite()}
      actions={
        <>
          <Button onClick={props.onClose}>{core('cancel')}</Button>
          <Button type="submit" look="primary" disabled={busy()}>
            {t('invite.send')}
          </Button>
        </>
      }
    >
      <TextField
        label={t('invite.who')}
        hint={t('invite.hint')}
        problem={problem()}
        required
        maxLength={100}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={name()}
        onInput={(event) => setName(event.currentTarget.value)}
      />
    </Dialog>
  )
}
