/** The support desk, for customers and agents: requests on one side, the one that is looked at on the other. */
import { Show } from 'solid-js'
import { parts } from '../../core/router.js'
import { useChat } from '../../core/session.js'
import { setTitle } from '../../core/title.js'
import { t } from '../../i18n/support.js'
import { createDesk, DeskContext } from './desk.js'
import { Requests } from './list.js'
import { RequestView } from './request.js'
import './side.css'
import './support.css'

export function Support() {
  const desk = createDesk(useChat())
  const chosen = () => parts()[1]
  setTitle(() => (chosen() === undefined ? undefined : desk.request(chosen()!)?.subject) ?? t('title'))
  return (
    <DeskContext.Provider value={desk}>
      <div class="support" classList={{ deep: chosen() !== undefined }}>
        <h1 class="unseen">{t('title')}</h1>
        <Requests chosen={chosen()} />
        <Show when={chosen()} keyed fallback={<p class="empty support-choose">{t('choose')}</p>}>
          {(id) => <RequestView id={id} />}
        </Show>
      </div>
    </DeskContext.Provider>
  )
}
