/** What the customer says of how it went, once, after the end. */
import type { SupportRequest } from '@palabre/client'
import { createSignal, createUniqueId, For, Show } from 'solid-js'
import { t } from '../../i18n/support.js'
import { Button } from '../../ui/button.js'
import { TextField } from '../../ui/field.js'
import { Icon } from '../../ui/icon.js'
import { toastError } from '../../ui/toast.js'
import { useDesk } from './desk.js'

const STARS = [1, 2, 3, 4, 5] as const

export function Stars(props: { count: number }) {
  return (
    <span class="stars">
      <span class="unseen">{t.count('star', props.count)}</span>
      <For each={STARS}>{(one) => <span class="star" classList={{ on: one <= props.count }}><Icon name="star" size={18} /></span>}</For>
    </span>
  )
}

export function Rating(props: { request: SupportRequest }) {
  const desk = useDesk()
  const id = createUniqueId()
  const [stars, setStars] = createSignal(0)
  const [comment, setComment] = createSignal('')
  const [busy, setBusy] = createSignal(false)
  const rate = async () => {
    if (busy() || stars() === 0) return
    setBusy(true)
    try {
      const text = comment().trim()
      await desk.ask('POST', `/${props.request.id}/rating`, { stars: stars(), ...(text && { comment: text }) })
    } catch (error) {
      toastError(error)
    }
    setBusy(false)
  }
  return (
    <div class="support-rating">
      <Show
        when={!props.request.rating}
        fallback={
          <p role="status" class="support-thanks">
            <Stars count={props.request.rating!.stars} /> <span>{t('rate.thanks')}</span>
          </p>
        }
      >
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void rate()
          }}
        >
          <fieldset>
            <legend>{t('rate.title')}</legend>
            <div class="stars">
              <For each={STARS}>
                {(one) => (
                  <label class="star" classList={{ on: one <= stars() }} title={t.count('star', one)}>
                    <input class="unseen" type="radio" name={id} value={one} checked={stars() === one} onChange={() => setStars(one)} />
                    <span class="unseen">{t.count('star', one)}</span>
                    <Icon name="star" size={26} />
                  </label>
                )}
              </For>
            </div>
          </fieldset>
          <Show when={stars() > 0}>
            <TextField label={t('rate.comment')} maxLength={2000} value={comment()} onInput={(event) => setComment(event.currentTarget.value)} />
            <Button type="submit" look="primary" disabled={busy()}>
              {t('rate.send')}
            </Button>
          </Show>
        </form>
      </Show>
    </div>
  )
}
