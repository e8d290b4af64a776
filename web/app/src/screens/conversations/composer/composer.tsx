/** Where one writes. Enter sends, Shift with Enter begins a line, as does Enter where one touches; the arrow up in an empty field edits what one wrote last. */
import type { Member, Message } from '@palabre/client'
import { createEffect, createMemo, createSignal, createUniqueId, For, on, onCleanup, onMount, Show, untrack, type Accessor, type JSX } from 'solid-js'
import { announce } from '../../../core/announce.js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t as core } from '../../../i18n/core.js'
import { t as files } from '../../../i18n/attachments.js'
import { t } from '../../../i18n/conversation.js'
import { Avatar } from '../../../ui/avatar.js'
import { IconButton } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { Menu } from '../../../ui/menu.js'
import { bodyWith, filesIn, uploadsOf } from '../attachments/uploads.js'
import { UploadButton, UploadTray } from '../attachments/upload-tray.js'
import { toast, toastError } from '../../../ui/toast.js'
import { draft, setDraft, type Draft } from '../drafts.js'
import { excerpt } from '../markdown-text.js'
import { needMembers } from '../members.js'
import { nameOf } from '../names.js'
import { TONES, toneName } from '../tones.js'
import { editsOf, type Mending } from './edits.js'
import { EmojiPicker } from './emoji-picker.js'

/** What the server takes. */
const MOST_CHARACTERS = 16_384
/** Mentions that are offered at once. */
const OFFERED = 6
/** As high as it grows, in pixels, and of the window: with a keyboard on the screen there is little, and the button to send is below. */
const HIGHEST = 220
const HIGHEST_SHARE = 0.3

/** What is done with what is written. */
export interface Intent {
  replyTo?: Message | undefined
  /** Comes first; what is answered is answered after it. */
  edit?: Message | undefined
}

/** What was being done when a conversation was left. */
export const intentOf = ({ replyTo, edit }: Draft): Intent => ({ replyTo, edit: edit?.message })

/** A keyboard on the screen has no Shift with Enter: there Enter begins a line, and the button sends. */
export const isTouch = matchMedia('(hover: none)').matches

export function Composer(props: { id: string; title: string; intent: Intent; onIntent: (intent: Intent) => void; last: Accessor<Message | undefined>; register: (focus: () => void) => void; tools?: ((insert: (text: string) => void) => JSX.Element) | undefined }) {
  const chat = useChat()
  const { client, me } = chat
  const { id } = props
  const uploads = uploadsOf(chat, id)
  const listId = createUniqueId()
  const begun = draft(me.id, id)
  const [text, setText] = createSignal(begun.edit?.text ?? begun.text)
  const [tone, setTone] = createSignal(begun.tone)
  const [picker, setPicker] = createSignal<HTMLElement>()
  const [cursor, setCursor] = createSignal(0)
  const [choice, setChoice] = createSignal(0)
  const [isDismissed, setDismissed] = createSignal(false)
  const isOnline = watched(client, 'connection', () => client.connection.phase === 'online')
  const members = watched(client, `members:${id}`, () => client.members(id) ?? [])
  let field!: HTMLTextAreaElement
  /** What was being written when an edit began. */
  let aside = begun.edit ? begun.text : ''
  const edits = editsOf(chat, id, (message) => {
    const { edit, ...rest } = draft(me.id, id)
    if (edit?.message.id === message.id) setDraft(me.id, id, rest)
  })
  const mending = () => (props.intent.edit ? edits.of(props.intent.edit.id) : undefined)
  const isSaving = () => mending()?.is === 'saving'

  const grow = () => {
    field.style.height = 'auto'
    field.style.height = `${Math.min(HIGHEST, innerHeight * HIGHEST_SHARE, field.scrollHeight)}px`
  }
  const write = (next: string, at = next.length) => {
    setText(next)
    field.value = next
    field.setSelectionRange(at, at)
    setCursor(at)
    grow()
  }
  const focus = () => field.focus()
  addEventListener('resize', grow)
  onCleanup(() => removeEventListener('resize', grow))
  onMount(() => {
    props.register(focus)
    grow()
    // Where one touches, that would open the keyboard over what one wants to read.
    if (!isTouch) focus()
  })
  let last = props.intent
  createEffect(
    on(
      () => props.intent,
      (intent) => {
        // Also what it was at first, which `on` does not tell.
        const before = last
        last = intent
        if (intent.edit && !before.edit) aside = text()
        // What is not saved yet is gone on with.
        if (intent.edit && intent.edit.id !== before.edit?.id) write(edits.of(intent.edit.id)?.body ?? intent.edit.body)
        else if (!intent.edit && before.edit) write(aside)
        if (intent.edit || intent.replyTo) focus()
      },
      { defer: true },
    ),
  )
  createEffect(() => {
    const { edit, replyTo } = props.intent
    setDraft(me.id, id, { text: edit ? aside : text(), tone: tone(), replyTo, edit: edit && { message: edit, text: text() } })
  })
  createEffect<Mending | undefined>((before) => {
    const now = mending()
    const { edit, replyTo } = untrack(() => props.intent)
    // It was being saved, and now it is.
    if (!now && before?.is === 'saving' && before.message.id === edit?.id) props.onIntent({ replyTo })
    return now
  })
  onCleanup(() => client.setTyping(id, false))

  // --- Mentions ---

  /** What is typed after an `@`, up to the cursor. */
  const asked = createMemo(() => /(?:^|[\s(])@([\p{L}\p{N}_.-]{0,40})$/u.exec(text().slice(0, cursor()))?.[1])
  const offered = createMemo<Member[]>(() => {
    const begun = asked()?.toLocaleLowerCase()
    if (begun === undefined || isDismissed()) return []
    const others = members().filter(({ user }) => user.id !== me.id)
    const begins = (member: Member) => [member.user.username, nameOf(member.user)].some((name) => name.toLocaleLowerCase().startsWith(begun))
    return others.filter(begins).slice(0, OFFERED)
  })
  createEffect(on(asked, () => (setChoice(0), setDismissed(false)), { defer: true }))
  createEffect(() => asked() !== undefined && needMembers(client, id))
  const take = (member: Member) => {
    const begin = cursor() - (asked()?.length ?? 0)
    const name = `${member.user.username} `
    write(text().slice(0, begin) + name + text().slice(cursor()), begin + name.length)
    focus()
  }
  const insert = (what: string) => {
    const { selectionStart: from, selectionEnd: to } = field
    write(text().slice(0, from) + what + text().slice(to), from + what.length)
    focus()
  }

  // --- Sending ---

  /** There is something to send. Files belong to new messages only. */
  const isSomething = () => text().trim() !== '' || (!props.intent.edit && uploads.all().some((upload) => upload.state().is !== 'failed'))
  /** So many characters too long: all that is pasted is kept, to be shortened by who knows what may go. */
  const excess = createMemo(() => Math.max(0, text().trim().length - MOST_CHARACTERS))
  const tooLong = () => t.count('tooLong', excess())
  createEffect(on(() => excess() > 0, (is) => is && announce(untrack(tooLong)), { defer: true }))
  const send = () => {
    const body = text().trim()
    const { edit, replyTo } = props.intent
    if (!isSomething() || excess() > 0) return
    if (edit) {
      if (isSaving()) return
      // It stays in the field until the server has it.
      if (body !== edit.body) void edits.save(edit, body)
      else props.onIntent({ replyTo })
      return
    }
    if (uploads.isBusy()) {
      toast(files(uploads.isCut() ? 'unreached' : 'wait'))
      return
    }
    const whole = bodyWith(body, uploads.ready())
    const attachments = uploads.take()
    try {
      client.send(id, { body: whole, ...(attachments.length > 0 && { attachments }), ...(replyTo && { reply_to: replyTo.id }), ...(tone() && { tone: tone() as string }) })
    } catch (error) {
      uploads.restore()
      toastError(error)
      return
    }
    write('')
    setTone(undefined)
    client.setTyping(id, false)
    if (replyTo) props.onIntent({})
  }
  const cancel = () => {
    const { edit, replyTo } = props.intent
    if (!edit && !replyTo) return
    props.onIntent(edit ? { replyTo } : {})
    if (edit) edits.giveUp(edit.id)
  }
  const keys = (event: KeyboardEvent) => {
    if (event.isComposing) return
    const { length } = offered()
    if (length > 0) {
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault()
        setChoice((choice() + (event.key === 'ArrowDown' ? 1 : length - 1)) % length)
        return
      }
      const chosen = offered()[choice()]
      if ((event.key === 'Enter' || event.key === 'Tab') && chosen) {
        event.preventDefault()
        take(chosen)
        return
      }
      if (event.key === 'Escape') {
        event.preventDefault()
        setDismissed(true)
        return
      }
    }
    if (event.key === 'Enter' && (isTouch ? event.ctrlKey || event.metaKey : !event.shiftKey && !event.altKey)) {
      event.preventDefault()
      send()
    } else if (event.key === 'Escape') {
      cancel()
    } else if (event.key === 'ArrowUp' && text() === '' && !event.altKey) {
      const last = props.last()
      if (last) {
        event.preventDefault()
        props.onIntent({ ...props.intent, edit: last })
      }
    } else if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
      const mark = { b: '**', i: '*', e: '`' }[event.key.toLowerCase()]
      if (mark) {
        event.preventDefault()
        around(mark)
      }
    }
  }
  /** Puts marks around what is chosen. */
  const around = (mark: string) => {
    const { selectionStart: from, selectionEnd: to } = field
    const chosen = text().slice(from, to)
    write(text().slice(0, from) + mark + chosen + mark + text().slice(to), to + mark.length + (chosen === '' ? 0 : mark.length))
  }

  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <Show when={props.intent.edit ?? props.intent.replyTo}>
        {(message) => (
          <div class="composer-intent small">
            <Icon name={props.intent.edit ? 'edit' : 'reply'} size={16} />
            <span class="one-line">
              <strong>{props.intent.edit ? t('edit.intent') : t('reply.intent', { name: nameOf(message().author) })}</strong> {excerpt(message().body)}
            </span>
            <span role="status">{isSaving() && t(isOnline() ? 'edit.saving' : 'edit.later')}</span>
            <IconButton small icon="close" label={core('cancel')} onClick={cancel} />
          </div>
        )}
      </Show>
      <Show when={offered().length > 0}>
        <ul role="listbox" class="mentions" id={listId} aria-label={t('mentions')}>
          <For each={offered()}>
            {(member, at) => (
              <li role="option" id={`${listId}-${at()}`} class="mention-choice" aria-selected={at() === choice()} onPointerDown={(event) => (event.preventDefault(), take(member))}>
                <Avatar id={member.user.id} name={nameOf(member.user)} picture={member.user.avatar} small />
                <span class="one-line">{nameOf(member.user)}</span>
                <span class="quiet small one-line">@{member.user.username}</span>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={tone()}>
        {(chosen) => (
          <button type="button" class="chip tone-chip" aria-label={t('tone.without', { name: toneName(chosen()) ?? chosen() })} onClick={() => setTone(undefined)}>
            {chosen()} <span class="quiet">{toneName(chosen())}</span> <Icon name="close" size={14} />
          </button>
        )}
      </Show>
      <Show when={!props.intent.edit}>
        <UploadTray uploads={uploads} />
      </Show>
      <Show when={excess() > 0}>
        <p class="composer-excess small" id={`${listId}-excess`}>
          {tooLong()}
        </p>
      </Show>
      <div class="composer-row">
        <UploadButton disabled={props.intent.edit !== undefined} onFiles={(chosen) => (uploads.add(chosen), focus())} />
        <textarea
          ref={field}
          class="composer-field"
          rows="1"
          aria-label={t('write.to', { name: props.title })}
          placeholder={t('write.to', { name: props.title })}
          aria-invalid={excess() > 0}
          aria-describedby={excess() > 0 ? `${listId}-excess` : undefined}
          readOnly={isSaving()}
          aria-haspopup="listbox"
          aria-controls={offered().length > 0 ? listId : undefined}
          aria-autocomplete="list"
          aria-activedescendant={offered().length > 0 ? `${listId}-${choice()}` : undefined}
          value={text()}
          onInput={(event) => {
            setText(event.currentTarget.value)
            setCursor(event.currentTarget.selectionStart)
            grow()
            if (!props.intent.edit) client.setTyping(id, event.currentTarget.value.trim() !== '')
          }}
          onKeyDown={keys}
          onPaste={(event) => {
            const pasted = filesIn(event.clipboardData)
            // Pictures of text come beside the text itself, which is what one wants.
            if (pasted.length === 0 || props.intent.edit || event.clipboardData?.types.includes('text/plain')) return
            event.preventDefault()
            uploads.add(pasted)
          }}
          onKeyUp={() => setCursor(field.selectionStart)}
          onClick={() => setCursor(field.selectionStart)}
        />
        <div class="composer-tools">
          {props.tools?.(insert)}
          <Menu label={t('tone')} class="button icon plain" items={TONES.map((one) => ({ label: `${one}  ${toneName(one) ?? ''}`, checked: tone() === one, run: () => setTone(tone() === one ? undefined : one) }))}>
            <Icon name="tone" />
          </Menu>
          <IconButton icon="smile" label={t('emoji')} onClick={(event) => setPicker(event.currentTarget)} />
          <IconButton type="submit" icon={props.intent.edit ? 'check' : 'send'} look="primary" label={props.intent.edit ? core('save') : t('send')} disabled={!isSomething() || excess() > 0 || isSaving()} />
        </div>
      </div>
      <Show when={picker()}>
        {(beside) => (
          <EmojiPicker
            beside={beside()}
            onPick={(emoji) => {
              setPicker(undefined)
              insert(emoji)
            }}
            onClose={() => setPicker(undefined)}
          />
        )}
      </Show>
    </form>
  )
}
