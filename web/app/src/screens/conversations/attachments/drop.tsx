/**
 * Files that are dragged over the page may be dropped anywhere on it, as long as this is there. It covers what it is in. Without `onFiles`
 * they are not taken; the browser doesn't leave the page for them either.
 */
import { createSignal, onCleanup, Show } from 'solid-js'
import { t } from '../../../i18n/attachments.js'
import { Icon } from '../../../ui/icon.js'
import { filesIn } from './uploads.js'
import './attachments.css'

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false

export function DropOverlay(props: { onFiles?: ((files: File[]) => void) | undefined }) {
  const [over, setOver] = createSignal(false)
  const drag = (event: DragEvent) => {
    if (!hasFiles(event)) return
    // Without this the browser would go to the file.
    event.preventDefault()
    if (event.dataTransfer) event.dataTransfer.dropEffect = props.onFiles ? 'copy' : 'none'
    setOver(props.onFiles !== undefined)
  }
  const leave = (event: DragEvent) => {
    // It goes from element to element; only the last leads nowhere.
    if (event.relatedTarget === null) setOver(false)
  }
  const drop = (event: DragEvent) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    setOver(false)
    // What can't be read, such as a folder, is told by its upload.
    const files = filesIn(event.dataTransfer)
    if (files.length > 0) props.onFiles?.(files)
  }
  const events = { dragenter: drag, dragover: drag, dragleave: leave, drop } as const
  for (const [name, run] of Object.entries(events)) document.addEventListener(name as 'drop', run)
  onCleanup(() => {
    for (const [name, run] of Object.entries(events)) document.removeEventListener(name as 'drop', run)
  })
  return (
    <Show when={over()}>
      <div class="drop-overlay">
        <Icon name="clip" size={28} />
        <p>{t('drop')}</p>
      </div>
    </Show>
  )
}
