/** The frame: who is signed in sees the rail and a page, who is not signs in. */
import { createEffect, ErrorBoundary, For, lazy, Match, on, Show, Suspense, Switch } from 'solid-js'
import { silence } from './core/announce.js'
import { PAGE } from './core/layers.js'
import { follow, go, parts, path } from './core/router.js'
import { chat, ChatContext, useChat } from './core/session.js'
import { setTitle, tellUnread } from './core/title.js'
import { watched } from './core/watch.js'
import { t } from './i18n/core.js'
import { Account } from './screens/account/index.js'
import { ConnectionBar } from './screens/connection.js'
import { Conversations } from './screens/conversations/index.js'
import { createDeskNews } from './screens/desk-news.js'
import { listenToKeys } from './screens/keys.js'
import { notifyOfMessages } from './screens/notifications.js'
import { SignIn } from './screens/sign-in/index.js'
import { Button } from './ui/button.js'
import { Icon, type IconName } from './ui/icon.js'
import { clearToasts, Notes } from './ui/toast.js'

// What not everybody needs comes when it is asked for, and again if it did not come.
const Support = lazy(async () => ({ default: (await import('./screens/support/index.js')).Support }))
const Live = lazy(async () => ({ default: (await import('./screens/live/index.js')).Live }))

export function App() {
  // What was said to one person is not for who signs in next.
  createEffect(() => {
    if (chat()) return
    silence()
    clearToasts()
  })
  return (
    <>
      <Show when={chat()} keyed fallback={<SignIn />}>
        {(here) => (
          <ChatContext.Provider value={here}>
            <ErrorBoundary
              fallback={(_, again) => (
                <main class="page">
                  <Broken again={again} />
                </main>
              )}
            >
              <Shell />
            </ErrorBoundary>
          </ChatContext.Provider>
        )}
      </Show>
      <Notes layer={PAGE} />
    </>
  )
}

function Shell() {
  notifyOfMessages()
  listenToKeys()
  createEffect(() => {
    if (parts().length === 0) go('/conversations', { replace: true })
  })
  return (
    <div class="shell" classList={{ deep: parts().length > 1 }}>
      <a class="skip" href="#page" onClick={(event) => (event.preventDefault(), document.getElementById('page')?.focus())}>
        {t('skip')}
      </a>
      <ConnectionBar />
      <Rail />
      <main class="page" id="page" tabindex="-1">
        <ErrorBoundary fallback={(_, again) => <Broken again={again} />}>
          <Suspense fallback={<p class="empty">{t('loading')}</p>}>
            <Switch fallback={<Missing />}>
              <Match when={parts().length === 0 || parts()[0] === 'conversations'}>
                <Conversations />
              </Match>
              <Match when={parts()[0] === 'support'}>
                <Support />
              </Match>
              <Match when={parts()[0] === 'live'}>
                <Live />
              </Match>
            </Switch>
          </Suspense>
        </ErrorBoundary>
      </main>
    </div>
  )
}

function Missing() {
  setTitle(() => t('page.missing'))
  return (
    <div class="empty">
      <h1>{t('page.missing')}</h1>
      <a class="button" href="/conversations" onClick={follow}>
        {t('conversations')}
      </a>
    </div>
  )
}

/** A page that failed. It is tried again when one goes elsewhere, too; if the server was renewed under the page, loading all of it anew helps. */
function Broken(props: { again: () => void }) {
  createEffect(on(path, () => props.again(), { defer: true }))
  return (
    <div class="empty" role="alert">
      <h1>{t('page.broken')}</h1>
      <div class="empty-ways">
        <Button look="primary" onClick={() => props.again()}>
          {t('retry')}
        </Button>
        <Button onClick={() => location.reload()}>{t('page.reload')}</Button>
        <a class="button" href="/conversations" onClick={(event) => (follow(event), props.again())}>
          {t('page.home')}
        </a>
      </div>
    </div>
  )
}

function Rail() {
  const { client, me } = useChat()
  const unreadOf = (isSupport: boolean) => client.conversations.reduce((sum, { kind, unread }) => sum + ((kind === 'support') === isSupport ? unread : 0), 0)
  const unread = watched(client, 'conversations', () => unreadOf(false))
  const talks = watched(client, 'conversations', () => unreadOf(true))
  const news = createDeskNews()
  const atDesk = () => talks() + news()
  tellUnread(() => unread() + atDesk())
  const pages: Array<{ to: string; icon: IconName; label: () => string; badge?: () => number }> = [
    { to: '/conversations', icon: 'chat', label: () => t('conversations'), badge: unread },
    { to: '/support', icon: 'support', label: () => t('support'), badge: atDesk },
    ...(me.role === 'admin' ? [{ to: '/live', icon: 'live', label: () => t('live') } as const] : []),
  ]
  return (
    <nav class="rail" aria-label={t('main')}>
      <ul role="list">
        <For each={pages}>
          {(page) => (
            <li>
              <a class="rail-link" href={page.to} onClick={follow} aria-current={path().startsWith(page.to) ? 'page' : undefined}>
                <Icon name={page.icon} size={22} />
                <span>{page.label()}</span>
                <Show when={page.badge?.()}>{(count) => <span class="badge">{count() > 99 ? '99+' : count()}</span>}</Show>
              </a>
            </li>
          )}
        </For>
      </ul>
      <span class="rail-space" />
      <Account />
    </nav>
  )
}
