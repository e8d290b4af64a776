/** What agents who are available are told of the desk, wherever they are: that somebody waits. */
import { createEffect, createSignal, onCleanup, untrack, type Accessor } from 'solid-js'
import { announce } from '../core/announce.js'
import { parts } from '../core/router.js'
import { useChat } from '../core/session.js'
import { t } from '../i18n/core.js'

/** How many requests came that still wait, and were not seen at the desk. */
export function createDeskNews(): Accessor<number> {
  const { client, me } = useChat()
  const [news, setNews] = createSignal<ReadonlySet<string>>(new Set())
  /** What one was told of already. */
  const told = new Set<string>()
  const isThere = () => parts()[0] === 'support'
  const end = client.on('support.request', ({ id, status, customer, subject }) => {
    const isNews = status === 'NEW' && customer.id !== me.id && me.role !== 'user'
    if (isNews === told.has(id)) return
    if (isNews) {
      told.add(id)
      announce(t('new.request', { subject }))
    } else told.delete(id)
    const others = [...untrack(news)].filter((one) => one !== id)
    setNews(new Set(isNews && !untrack(isThere) ? [...others, id] : others))
  })
  onCleanup(end)
  createEffect(() => isThere() && setNews(new Set<string>()))
  return () => news().size
}
