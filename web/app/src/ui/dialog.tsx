/** A dialog over the page. It is there while it is rendered; Escape and the cross call `onClose`, after which it should be no longer. */
import { createUniqueId, onMount, Show, type JSX } from 'solid-js'
import { Portal } from 'solid-js/web'
import { putOnTop } from '../core/layers.js'
import { t } from '../i18n/core.js'
import { IconButton } from './button.js'
import { stay } from './stay.js'
import { Notes } from './toast.js'

export interface DialogProps {
  title: string
  onClose: () => void
  /** Makes it a form: Enter in a field submits it. */
  onSubmit?: () => void
  actions?: JSX.Element
  wide?: boolean
  children: JSX.Element
}

export function Dialog(props: DialogProps) {
  const id = createUniqueId()
  // Where one was: the browser goes back there only when a dialog is closed, not when it is taken away.
  const before = document.activeElement
  const layer = putOnTop()
  let dialog!: HTMLDialogElement
  onMount(() => {
    dialog.showModal()
    dialog.querySelector<HTMLElement>('[autofocus], .dialog-body :is(input:not([hidden]), textarea, select)')?.focus()
  })
  stay(() => {
    if (dialog.open) dialog.close()
    if (before instanceof HTMLElement && before.isConnected) before.focus()
  })
  const inside = () => (
    <>
      <div class="dialog-body">{props.children}</div>
      <Show when={props.actions}>
        <div class="dialog-actions">{props.actions}</div>
      </Show>
    </>
  )
  return (
    <Portal>
      <dialog
        ref={dialog}
        class="dialog"
        classList={{ wide: props.wide === true }}
        aria-labelledby={id}
        onCancel={(event) => {
          // Not that of a choice of files in it.
          if (event.target !== event.currentTarget) return
          event.preventDefault()
          props.onClose()
        }}
      >
        <div class="dialog-head">
          <h2 id={id}>{props.title}</h2>
          <IconButton icon="close" label={t('close')} onClick={() => props.onClose()} />
        </div>
        <Show when={props.onSubmit} fallback={inside()}>
          <form
            class="dialog-form"
            onSubmit={(event) => {
              event.preventDefault()
              props.onSubmit?.()
            }}
          >
            {inside()}
          </form>
        </Show>
        <Notes layer={layer} />
      </dialog>
    </Portal>
  )
}
