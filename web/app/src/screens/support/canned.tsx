/** Answers that agents have at hand: the first few in a menu, all of them in a dialog. */
import { createResource, createSignal, Show } from 'solid-js'
import { loaded } from '../../core/loaded.js'
import { useChat } from '../../core/session.js'
import { t } from '../../i18n/support.js'
import { Icon } from '../../ui/icon.js'
import { Menu, type MenuItem } from '../../ui/menu.js'
import { toastError } from '../../ui/toast.js'
import { CANNED, CannedDialog, type Canned } from './canned-dialog.js'
import type { Page } from '../../core/pages.js'

/** In the menu, by their names; a longer one would be slower than a search. */
const IN_MENU = 10

export function CannedAnswers(props: { onPick: (text: string) => void }) {
  const { rest } = useChat()
  const [open, setOpen] = createSignal(false)
  const [first, { refetch }] = createResource(async (): Promise<Page<Canned>> => {
    try {
      return await rest.call<Page<Canned>>('GET', `${CANNED}?limit=${IN_MENU}`)
    } catch (error) {
      toastError(error)
      return { items: [] }
    }
  })
  const items = (): MenuItem[] => {
    const known = loaded(first)
    return [
      ...(known?.items ?? []).map(({ name, body }) => ({ label: name, run: () => props.onPick(body) })),
      ...(known?.items.length ? (['line'] as const) : []),
      { label: t(known?.next ? 'canned.all' : 'canned.manage'), icon: known?.next ? 'search' : 'edit', run: () => setOpen(true) },
    ]
  }
  return (
    <>
      <Menu label={t('canned')} items={items()} onOpen={(isOpen) => isOpen && void refetch()}>
        <Icon name="note" />
      </Menu>
      <Show when={open()}>
        <CannedDialog many={loaded(first)?.next !== undefined} onPick={(text) => (setOpen(false), props.onPick(text))} onClose={() => setOpen(false)} />
      </Show>
    </>
  )
}
