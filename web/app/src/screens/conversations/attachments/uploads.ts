/**
 * Files on their way to a message. They belong to a conversation, and go on while one looks at another.
 *
 * Uploads are sent a few at a time; one that the server is too busy for waits and goes again by itself.
 */
import { PalabreError, type Attachment, type Media } from '@palabre/client'
import { batch, createSignal, type Accessor } from 'solid-js'
import { announce } from '../../../core/announce.js'
import { describe } from '../../../core/errors.js'
import type { Chat } from '../../../core/session.js'
import { t } from '../../../i18n/attachments.js'
import { toast } from '../../../ui/toast.js'

/** As many as a message may have. */
export const MOST = 10
/** Sent at once: the server takes four, and some of them may be another page's. */
const AT_ONCE = 2
/** Times that one is sent again because the server was busy, and the first pause, which doubles. */
const TRIES = 4
const PAUSE_MS = 1_000

/** How far a file is. */
export type UploadState = { is: 'waiting' } | { is: 'going'; share: number } | { is: 'done'; media: Media } | { is: 'failed'; why: string; again: boolean; unreached?: boolean }

export interface Upload {
  readonly file: File
  readonly name: string
  /** A picture's own content, to be shown at once. That it is one only its name says so far. */
  readonly preview: string | undefined
  readonly state: Accessor<UploadState>
}

/** The files of a message that is being written. */
export interface Uploads {
  readonly all: Accessor<readonly Upload[]>
  /** Some are under way, or will be when the server is reached. */
  readonly isBusy: Accessor<boolean>
  /** Some wait for the server to be reached. */
  readonly isCut: Accessor<boolean>
  /** What the message will have. */
  readonly ready: Accessor<readonly Media[]>
  add(files: Iterable<File>): void
  remove(upload: Upload): void
  retry(upload: Upload): void
  /** Gives what is ready to a message; what failed stays to be tried again or taken away. */
  take(): Array<{ id: string }>
  /** Puts back what a message was not sent with after all. */
  restore(): void
}

const known = new WeakMap<Chat, Map<string, Uploads>>()

/** Those of a conversation, for whoever is signed in. */
export function uploadsOf(chat: Chat, conversation: string): Uploads {
  let all = known.get(chat)
  if (!all) known.set(chat, (all = new Map()))
  let uploads = all.get(conversation)
  if (!uploads) all.set(conversation, (uploads = createUploads(chat)))
  return uploads
}

/** What went wrong, in words about files. */
function why(error: unknown): string {
  if (!(error instanceof PalabreError)) return describe(error)
  if (error.code === 'too_large') return t('error.too_large')
  if (error.code === 'full' || error.code === 'quota_exceeded') return t('error.space')
  if (error.code === 'invalid' && error.field === 'file') return t('error.type')
  return describe(error)
}

/** Whether trying again makes sense: not what the server will not take. */
const mayWork = (error: unknown) => !(error instanceof PalabreError && ['too_large', 'invalid', 'forbidden'].includes(error.code))

/** Whether the same may well work a little later. */
const isBusyThere = (error: unknown) => error instanceof PalabreError && (error.code === 'rate_limited' || error.code === 'unavailable')

interface Entry extends Upload {
  set(state: UploadState): void
  readonly given: AbortController
}

function createUploads({ rest, client, ended, unsent }: Chat): Uploads {
  const [all, setAll] = createSignal<readonly Entry[]>([])
  let last: readonly Entry[] = []

  const is = (what: UploadState['is']) => (entry: Entry) => entry.state().is === what
  const isGoing = (entry: Entry) => is('going')(entry) || is('waiting')(entry)
  const isUnreached = (entry: Entry) => (({ is: what, ...rest }) => what === 'failed' && 'unreached' in rest && rest.unreached === true)(entry.state())
  const forget = (entry: Entry) => entry.preview !== undefined && URL.revokeObjectURL(entry.preview)

  async function send(entry: Entry): Promise<void> {
    entry.set({ is: 'going', share: 0 })
    for (let attempt = 1; ; attempt += 1) {
      try {
        const media = await rest.upload(entry.file, { name: entry.name, signal: entry.given.signal, onProgress: (share) => entry.set({ is: 'going', share }) })
        if (entry.given.signal.aborted) return void rest.call('DELETE', `/api/v1/media/${media.id}`).catch(() => undefined)
        entry.set({ is: 'done', media })
        break
      } catch (error) {
        if (entry.given.signal.aborted) return
        if (!isBusyThere(error) || attempt === TRIES) {
          const text = why(error)
          entry.set({ is: 'failed', why: text, again: mayWork(error), unreached: error instanceof PalabreError && error.code === 'network' })
          announce(t('failed.said', { name: entry.name, why: text }))
          break
        }
        const pause = (error as PalabreError).retryAfterMs ?? PAUSE_MS * 2 ** (attempt - 1)
        await new Promise((resolve) => setTimeout(resolve, pause))
      }
    }
    if (!all().some(isGoing) && uploads.ready().length > 0) announce(t.count('ready', uploads.ready().length))
    pump()
  }

  function pump(): void {
    while (all().filter(is('going')).length < AT_ONCE) {
      const next = all().find(is('waiting'))
      if (!next) return
      void send(next)
    }
  }

  function entryOf(file: File): Entry {
    const [state, set] = createSignal<UploadState>({ is: 'waiting' })
    const isPicture = /^image\/(png|jpeg|gif|webp)$/.test(file.type)
    return { file, name: file.name || t('files'), preview: isPicture ? URL.createObjectURL(file) : undefined, state, set: (next) => void set(next), given: new AbortController() }
  }

  const uploads: Uploads = {
    all,
    isBusy: () => all().some(isGoing) || uploads.isCut(),
    isCut: () => all().some(isUnreached),
    ready: () => all().flatMap((entry) => (({ is: what, ...rest }) => (what === 'done' && 'media' in rest ? [rest.media] : []))(entry.state())),
    add(files) {
      const given = [...files]
      const room = MOST - all().length
      if (given.length > room) toast(t('many', { most: MOST }))
      const entries = given.slice(0, Math.max(0, room)).map(entryOf)
      setAll((before) => [...before, ...entries])
      for (const entry of entries) if (entry.file.size === 0) entry.set({ is: 'failed', why: t('error.empty'), again: false })
      pump()
    },
    remove(upload) {
      const entry = all().find((one) => one === upload)
      if (!entry) return
      entry.given.abort()
      forget(entry)
      const state = entry.state()
      // It would be deleted a day later anyway.
      if (state.is === 'done') rest.call('DELETE', `/api/v1/media/${state.media.id}`).catch(() => undefined)
      setAll((before) => before.filter((one) => one !== entry))
      pump()
    },
    retry(upload) {
      const entry = all().find((one) => one === upload)
      if (!entry || entry.state().is !== 'failed') return
      entry.set({ is: 'waiting' })
      pump()
    },
    take() {
      return batch(() => {
        const ids = uploads.ready().map(({ id }) => ({ id }))
        for (const entry of last) forget(entry)
        last = all().filter(is('done'))
        setAll((before) => before.filter((entry) => entry.state().is !== 'done'))
        return ids
      })
    },
    restore() {
      setAll((before) => [...last, ...before].slice(0, MOST))
      last = []
    },
  }
  // Files are kept by the page alone.
  addEventListener('beforeunload', (event) => all().length > 0 && event.preventDefault(), { signal: ended })
  // What a break has ended begins anew after it.
  client.on('connection', ({ phase }) => phase === 'online' && all().filter(isUnreached).forEach(uploads.retry))
  unsent.push({ what: 'files', count: () => all().length })
  ended.addEventListener('abort', () => {
    for (const entry of [...all(), ...last]) {
      entry.given.abort()
      forget(entry)
    }
    setAll([])
    last = []
  })
  return uploads
}

/** Files in what was pasted or dropped; text that came with them is left to the field. */
export function filesIn(data: DataTransfer | null): File[] {
  return data ? [...data.files] : []
}

/** Characters of a message's text; far more than ten names have. */
const BODY_CHARS = 16_384

/** The text of a message with files: a message has to say something, so without words it names them. */
export function bodyWith(body: string, files: ReadonlyArray<Pick<Media, 'name'>>): string {
  return body.trim() === '' ? files.map(({ name }) => name).join(', ').slice(0, BODY_CHARS) : body
}

/** Whether a message has no words of its own: only the names of its files, which show by themselves. */
export function saysOnlyFiles(message: { body: string; attachments: readonly Attachment[] }): boolean {
  return message.attachments.length > 0 && message.body === bodyWith('', message.attachments)
}
