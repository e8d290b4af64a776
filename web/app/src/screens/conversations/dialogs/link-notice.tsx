/** Says where a link leads before it is followed. */
import { createContext, createSignal, Show, useContext, type JSX } from 'solid-js'
import { t as core } from '../../../i18n/core.js'
import { t } from '../../../i18n/conversation.js'
import { Button } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'

/** So soon, a click was meant for what was there before: the second one of a double click on a link. */
const TOO_SOON_MS = 500

const LinkContext = createContext<(url: string) => void>()

/** Asks before a link is followed; to be called by what is inside of {@link Links}. */
export function useLinks(): (url: string) => void {
  const ask = useContext(LinkContext)
  if (!ask) throw new Error('nobody asks before links here')
  return ask
}

/**
 * Around texts with links. The question is here and not with the text: that may be shown anew meanwhile, as when its message is confirmed, and
 * who is about to answer would be left without it.
 */
export function Links(props: { /** Called where the link that one came from is gone. */ refocus?: () => void; children: JSX.Element }) {
  const [leaving, setLeaving] = createSignal<string>()
  const close = () => {
    setLeaving(undefined)
    if (document.activeElement === document.body) props.refocus?.()
  }
  return (
    <LinkContext.Provider value={setLeaving}>
      {props.children}
      <Show when={leaving()}>{(url) => <LinkNotice url={url()} onClose={close} />}</Show>
    </LinkContext.Provider>
  )
}

function LinkNotice(props: { url: string; onClose: () => void }) {
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
