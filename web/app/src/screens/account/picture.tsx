/** One's own picture: shown, chosen, taken away. */
import { PalabreError } from '@palabre/client'
import { createSignal, createUniqueId, Show } from 'solid-js'
import { announce } from '../../core/announce.js'
import { describe } from '../../core/errors.js'
import { useChat } from '../../core/session.js'
import { watched } from '../../core/watch.js'
import { t } from '../../i18n/core.js'
import { Avatar } from '../../ui/avatar.js'
import { Button } from '../../ui/button.js'

/** As the server takes them. It looks into the file; this is for who chooses one. */
const TYPES = 'image/png,image/jpeg,image/gif,image/webp'

function why(error: unknown): string {
  if (error instanceof PalabreError) {
    if (error.code === 'too_large') return t('picture.large')
    if (error.code === 'full' || error.code === 'quota_exceeded') return t('picture.space')
    if (error.code === 'invalid' && (error.field === 'file' || error.field === 'avatar')) return t('picture.type')
  }
  return describe(error)
}

/** Pictures that were chosen or taken away: one that takes long must not take the place of the next, whichever dialog it was chosen in. */
let latest = 0

export function PictureField() {
  const { client, rest, me } = useChat()
  const id = createUniqueId()
  const user = watched(client, 'user', () => client.user)
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<string>()
  let input!: HTMLInputElement
  let choose!: HTMLButtonElement

  /** Changes it at once, also for the others; {@link client.user} hears of it as they do. */
  const change = async (picture: () => Promise<string | null>, done: string) => {
    if (busy()) return
    setBusy(true)
    setProblem(undefined)
    const turn = (latest += 1)
    try {
      const avatar = await picture()
      if (turn !== latest) return
      await rest.updateAccount(me.id, { avatar })
      announce(done)
    } catch (error) {
      setProblem(why(error))
    }
    setBusy(false)
  }
  const take = (file: File | undefined) => {
    if (file) void change(async () => (await rest.upload(file)).id, t('picture.set'))
  }
  const remove = () => {
    // The button that was pressed goes with the picture.
    choose.focus()
    void change(async () => null, t('picture.gone'))
  }
  return (
    <div class="field" role="group" aria-labelledby={id} aria-busy={busy()}>
      <span id={id} class="field-name">
        {t('picture')}
      </span>
      <div class="picture-field">
        <Avatar id={me.id} name={user()?.name || me.username} picture={user()?.avatar} />
        <Button ref={choose} aria-describedby={problem() ? `${id}-problem` : undefined} aria-disabled={busy()} onClick={() => busy() || input.click()}>
          {busy() ? t('picture.busy') : t('picture.choose')}
        </Button>
        <Show when={user()?.avatar}>
          <Button look="plain" onClick={remove}>
            {t('picture.remove')}
          </Button>
        </Show>
        <input
          ref={input}
          type="file"
          accept={TYPES}
          hidden
          onChange={(event) => {
            take(event.currentTarget.files?.[0])
            // So that the same file may be chosen again.
            event.currentTarget.value = ''
          }}
        />
      </div>
      <Show when={problem()}>
        {(words) => (
          <p class="problem" id={`${id}-problem`} role="alert">
            {words()}
          </p>
        )}
      </Show>
    </div>
  )
}
