/** Files that the next message will have, with how far they are; and the button that chooses some. */
import { createSignal, For, Match, Show, Switch } from 'solid-js'
import { t } from '../../../i18n/attachments.js'
import { IconButton } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { size } from './size.js'
import type { Upload, Uploads, UploadState } from './uploads.js'
import './attachments.css'

export function UploadTray(props: { uploads: Uploads }) {
  return (
    <Show when={props.uploads.all().length > 0}>
      <ul role="list" class="upload-tray" aria-label={t('list')}>
        <For each={props.uploads.all()}>{(upload) => <Chip upload={upload} uploads={props.uploads} />}</For>
      </ul>
    </Show>
  )
}

function Chip(props: { upload: Upload; uploads: Uploads }) {
  const { upload } = props
  const state = upload.state
  const share = () => (({ is, ...rest }: UploadState) => (is === 'going' && 'share' in rest ? rest.share : 0))(state())
  const failed = () => (({ is, ...rest }: UploadState) => (is === 'failed' && 'why' in rest ? rest : undefined))(state())
  const [isPicture, setIsPicture] = createSignal(true)
  return (
    <li class="upload" classList={{ failed: state().is === 'failed' }}>
      <span class="upload-picture">
        <Show when={isPicture() && upload.preview} fallback={<Icon name="file" size={22} />}>
          {(url) => <img src={url()} alt="" onError={() => setIsPicture(false)} />}
        </Show>
      </span>
      <span class="upload-text">
        <span class="upload-name one-line">{upload.name}</span>
        <Switch fallback={<span class="quiet small">{size(upload.file.size)}</span>}>
          <Match when={state().is === 'waiting'}>
            <span class="quiet small">{t('waiting')}</span>
          </Match>
          <Match when={state().is === 'going'}>
            <progress class="upload-progress" aria-label={t('progress', { name: upload.name })} max={100} value={Math.round(share() * 100)} />
          </Match>
          <Match when={failed()}>{(one) => <span class="problem">{one().why}</span>}</Match>
        </Switch>
      </span>
      <Show when={failed()?.again}>
        <IconButton icon="redo" small label={t('retry', { name: upload.name })} onClick={() => props.uploads.retry(upload)} />
      </Show>
      <IconButton icon="close" small label={t('remove', { name: upload.name })} onClick={() => props.uploads.remove(upload)} />
    </li>
  )
}

/** Chooses files. */
export function UploadButton(props: { disabled?: boolean; onFiles: (files: File[]) => void }) {
  let input!: HTMLInputElement
  return (
    <>
      <IconButton icon="clip" label={t('add')} disabled={props.disabled} onClick={() => input.click()} />
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          props.onFiles([...(event.currentTarget.files ?? [])])
          // So that the same file may be chosen again.
          event.currentTarget.value = ''
        }}
      />
    </>
  )
}
