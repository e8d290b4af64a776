/** Says where a link leads before it is followed. */
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'

export function LinkNotice(props: { url: string; onClose: () => void }) {
  return (
    <Dialog
      title={t('link.title')}
      onClose={props.onClose}
      actions={
        <>
          <Button onClick={props.onClose}>{core('cancel')}</Button>
          <a class="button primary" href={props.url} target="_blank" rel="noopener noreferrer nofollow" onClick={() => queueMicrotask(props.onClose)} autofocus>
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
