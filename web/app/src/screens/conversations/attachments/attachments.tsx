/** The files of a message: pictures as small pictures, sound and film to be played, all else to be saved. */
import { PalabreError, type Attachment, type Rest } from '@palabre/client'
import { createResource, createSignal, For, Match, onCleanup, Show, Switch } from 'solid-js'
import { describe } from '../../../core/errors.js'
import { loaded } from '../../../core/loaded.js'
import { useChat } from '../../../core/session.js'
import { t } from '../../../i18n/attachments.js'
import { t as core } from '../../../i18n/core.js'
import { Button, IconButton } from '../../../ui/button.js'
import { Dialog } from '../../../ui/dialog.js'
import { Icon } from '../../../ui/icon.js'
import { toast, toastError } from '../../../ui/toast.js'
import { save, thumbnail } from '../../../core/media.js'
import { size } from './size.js'
import './attachments.css'

/** As wide and high as small pictures are at most, in pixels: as the server makes them. */
const SMALL = 320
/** Types of which the server makes small pictures. */
const PICTURES = /^image\/(png|jpeg|gif|webp)$/

const isPicture = ({ mime, width, height }: Attachment) => PICTURES.test(mime) && width !== undefined && height !== undefined

function told(error: unknown): void {
  // Whoever asked is gone.
  if (error instanceof PalabreError && error.code === 'aborted') return
  if (error instanceof PalabreError && error.status === 404) toast(t('gone'))
  else toastError(error)
}

/** Gives addresses of contents that are good as long as what is made here is in the page. What is gone by the time they come needs them no more. */
function borrower(rest: Rest): (media: string) => Promise<string> {
  const given = new AbortController()
  const urls: string[] = []
  onCleanup(() => {
    given.abort()
    urls.forEach(URL.revokeObjectURL)
  })
  return async (media) => {
    const content = await rest.download(media, 'content', given.signal)
    if (given.signal.aborted) throw new PalabreError('aborted', 'nobody waits for it any more')
    const url = URL.createObjectURL(content)
    urls.push(url)
    return url
  }
}

export function Attachments(props: { attachments: readonly Attachment[] }) {
  const pictures = () => props.attachments.filter(isPicture)
  const others = () => props.attachments.filter((one) => !isPicture(one))
  return (
    <Show when={props.attachments.length > 0}>
      <div class="attachments">
        <Show when={pictures().length > 0}>
          <div class="pictures">
            <For each={pictures()}>{(picture) => <Picture picture={picture} />}</For>
          </div>
        </Show>
        <For each={others()}>{(file) => <FileChip file={file} />}</For>
      </div>
    </Show>
  )
}

/** Its place is as large as the picture from the beginning, so that nothing moves when it comes. */
function Picture(props: { picture: Attachment }) {
  const { rest } = useChat()
  const [url] = createResource(
    () => props.picture.id,
    // One without a small picture is a file like others.
    (id) => thumbnail(rest, id).catch(() => undefined),
  )
  const [open, setOpen] = createSignal(false)
  const scale = () => Math.min(1, SMALL / Math.max(props.picture.width ?? SMALL, props.picture.height ?? SMALL))
  return (
    <Show when={url.loading || loaded(url)} fallback={<FileChip file={props.picture} />}>
      <button type="button" class="picture" aria-haspopup="dialog" aria-label={t('open', { name: props.picture.name })} title={props.picture.name} onClick={() => setOpen(true)}>
        <img
          src={loaded(url)}
          classList={{ coming: url.loading }}
          alt=""
          width={Math.max(24, Math.round((props.picture.width ?? SMALL) * scale()))}
          height={Math.max(24, Math.round((props.picture.height ?? SMALL) * scale()))}
        />
      </button>
      <Show when={open()}>
        <Viewer picture={props.picture} small={loaded(url)} onClose={() => setOpen(false)} />
      </Show>
    </Show>
  )
}

/** A picture as large as there is room. The small one is shown until it is there. */
function Viewer(props: { picture: Attachment; small: string | undefined; onClose: () => void }) {
  const { rest } = useChat()
  const borrow = borrower(rest)
  const [whole] = createResource(async () => {
    try {
      return { url: await borrow(props.picture.id) }
    } catch (error) {
      return { problem: error instanceof PalabreError && error.status === 404 ? t('gone') : describe(error) }
    }
  })
  return (
    <Dialog
      wide
      title={props.picture.name}
      onClose={props.onClose}
      actions={
        <>
          <span class="viewer-about quiet small">
            {props.picture.width} × {props.picture.height}, {size(props.picture.size)}
          </span>
          <Button icon="download" onClick={() => void save(rest, props.picture.id, props.picture.name).catch(told)}>
            {t('download.short')}
          </Button>
        </>
      }
    >
      <Show when={loaded(whole)?.problem} fallback={<img class="viewer" src={loaded(whole)?.url ?? props.small} alt={t('picture', { name: props.picture.name })} width={props.picture.width} height={props.picture.height} />}>
        {(problem) => (
          <p class="notice bad" role="alert">
            {problem()}
          </p>
        )}
      </Show>
    </Dialog>
  )
}

function FileChip(props: { file: Attachment }) {
  const { rest } = useChat()
  const [player, setPlayer] = createSignal<string>()
  const [busy, setBusy] = createSignal(false)
  const kind = () => /^(audio|video)\//.exec(props.file.mime)?.[1]
  const borrow = borrower(rest)
  const run = async (work: () => Promise<void>) => {
    if (busy()) return
    setBusy(true)
    await work().catch(told)
    setBusy(false)
  }
  return (
    <div class="file-chip" aria-busy={busy()}>
      <Icon name="file" size={26} />
      <span class="upload-text">
        <span class="upload-name one-line" title={props.file.name}>
          {props.file.name}
        </span>
        <span class="quiet small">{busy() ? core('loading') : size(props.file.size)}</span>
      </span>
      <Show when={kind() && player() === undefined}>
        <IconButton icon="play" label={t('play', { name: props.file.name })} onClick={() => void run(async () => void setPlayer(await borrow(props.file.id)))} />
      </Show>
      <IconButton icon="download" label={t('download', { name: props.file.name })} onClick={() => void run(() => save(rest, props.file.id, props.file.name))} />
      <Switch>
        <Match when={kind() === 'audio' && player()}>{(url) => <audio class="player" controls autoplay src={url()} aria-label={props.file.name} />}</Match>
        <Match when={kind() === 'video' && player()}>{(url) => <video class="player" controls autoplay src={url()} aria-label={props.file.name} />}</Match>
      </Switch>
    </div>
  )
}
