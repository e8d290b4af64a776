/** Asks before something that can't be undone, or not easily. */
import { t } from '../i18n/core.js'
import { Button } from './button.js'
import { Dialog } from './dialog.js'

export function Confirm(props: { title: string; text: string; action: string; stay?: string; run: () => unknown; onClose: () => void }) {
  return (
    <Dialog
      title={props.title}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose} autofocus>
            {props.stay ?? t('cancel')}
          </Button>
          <Button
            look="danger"
            onClick={() => {
              props.run()
              props.onClose()
            }}
          >
            {props.action}
          </Button>
        </>
      }
    >
      <p>{props.text}</p>
    </Dialog>
  )
}
