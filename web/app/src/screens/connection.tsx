/** Says quietly that there is no connection, and that nothing is lost. */
import { createEffect, createSignal, Match, onCleanup, Show, Switch } from 'solid-js'
import { useChat } from '../core/session.js'
import { watched } from '../core/watch.js'
import { t } from '../i18n/core.js'
import { Button } from '../ui/button.js'

/** A break that is over sooner is not worth a word. */
const PATIENCE_MS = 600
/** How long it says that all is well again. */
const WELL_MS = 2_000

export function ConnectionBar() {
  const { client } = useChat()
  const connection = watched(client, 'connection', () => client.connection)
  const [shown, setShown] = createSignal<'nothing' | 'broken' | 'well'>('nothing')
  const [now, setNow] = createSignal(Date.now())

  createEffect(() => {
    const isUp = connection().phase === 'online'
    const wait = isUp ? (shown() === 'broken' ? 0 : WELL_MS) : PATIENCE_MS
    const timer = setTimeout(() => setShown((before) => (!isUp ? 'broken' : before === 'broken' ? 'well' : 'nothing')), wait)
    onCleanup(() => clearTimeout(timer))
  })
  createEffect(() => {
    if (connection().phase !== 'waiting') return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    onCleanup(() => clearInterval(timer))
  })
  const seconds = () => Math.max(0, Math.ceil(((connection().retryAt ?? 0) - now()) / 1_000))

  return (
    <div role="status">
      <Show when={shown() !== 'nothing'}>
        <div class="connection" classList={{ good: shown() === 'well' }}>
          <Switch fallback={<span>{t('connection.connecting')}</span>}>
            <Match when={shown() === 'well'}>
              <span>{t('connection.back')}</span>
            </Match>
            <Match when={connection().phase === 'waiting'}>
              <span>{t('connection.lost')}</span>
              {/* Not read out every second. */}
              <span aria-hidden="true">{seconds()} s</span>
              <Button small onClick={() => client.wake()}>
                {t('connection.now')}
              </Button>
            </Match>
          </Switch>
        </div>
      </Show>
    </div>
  )
}
