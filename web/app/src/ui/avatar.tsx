/** A person or a group as a round with their picture or else initials, with their presence if it is known. */
import type { Presence } from '@palabre/client'
import { createEffect, createMemo, createSignal, onCleanup, Show, useContext, type Accessor } from 'solid-js'
import { isGone, thumbnail } from '../core/media.js'
import { ChatContext } from '../core/session.js'
import { t } from '../i18n/core.js'

/** As many as there are `data-hue` in ui.css. */
const HUES = 8

function hue(id: string): number {
  let sum = 0
  for (const char of id) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973
  return sum % HUES
}

function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean)
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]]
  return letters.map((word) => [...(word ?? '?')][0]?.toLocaleUpperCase() ?? '').join('')
}

export interface AvatarProps {
  id: string
  name: string
  /** The user's `avatar`, where they have one. */
  picture?: string | undefined
  presence?: Presence | undefined
  group?: boolean
  small?: boolean
}

export function Avatar(props: AvatarProps) {
  const [url, failed] = createPicture(() => props.picture)
  return (
    <span class="avatar" classList={{ group: props.group === true, small: props.small === true }} data-hue={hue(props.id)}>
      <Show when={url()} fallback={<span aria-hidden="true">{initials(props.name)}</span>}>
        {(src) => <img src={src()} alt="" draggable={false} onError={failed} />}
      </Show>
      <Show when={props.presence}>
        {(presence) => (
          <span class={`presence ${presence()}`}>
            <span class="unseen">{t(`status.${presence()}`)}</span>
          </span>
        )}
      </Show>
    </span>
  )
}

/** The address of a picture once it is there. One that did not come for want of a connection comes with the next. */
function createPicture(media: Accessor<string | undefined>): [url: Accessor<string | undefined>, failed: () => void] {
  const here = useContext(ChatContext)
  const [url, setUrl] = createSignal<string>()
  // The user may be another object with the same picture.
  const known = createMemo(media)
  createEffect(() => {
    const wanted = known()
    setUrl(undefined)
    if (wanted === undefined || !here) return
    const { client, rest } = here
    let isOver = false
    let stopWaiting = () => {}
    const load = () =>
      thumbnail(rest, wanted).then(
        (found) => void (isOver || setUrl(found)),
        (error: unknown) => {
          if (isOver || isGone(error)) return
          stopWaiting()
          stopWaiting = client.on('connection', ({ phase }) => {
            if (phase !== 'online') return
            stopWaiting()
            void load()
          })
        },
      )
    void load()
    onCleanup(() => {
      isOver = true
      stopWaiting()
    })
  })
  return [url, () => void setUrl(undefined)]
}
