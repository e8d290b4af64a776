/** Says where a link leads before it is followed. */
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'

/** So soon, a click was meant for what was there before: the second one of a double click on a link. */
const TOO_SOON_MS = 500

export function LinkNotice(props: { url: string; onClose: () => void }) {
  const opened = performance.now()
  /** Those of the keyboard count no clicks. */
  const isUnmeant = ({ detail, timeStamp }: MouseEvent) => detail > 1 || (detail > 0 && timeStamp - opened < TOO_SOON_MS)
  return (
    <Dialog
      title={t('link.title')}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>{core('cancel')}</Button>
          <a
            class="button primary"
            href={props.url}
            target="_blank"
            rel="noopener noreferrer nofollow"
            onClick={(event) => (isUnmeant(event) ? event.preventDefault() : queueMicrotask(props.onClose))}
            onAuxClick={(event) => isUnmeant(event) && event.preventDefault()}
            autofocus
          >
            {t('link.open')}
          </a>
        </>
      }
    >
      <p>{t('link.text')}</p>
      <p class="link-target">{props.url}</p>
    </Dialog>
  )
}
