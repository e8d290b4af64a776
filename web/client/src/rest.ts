/** The part of the REST API that applications with a socket need beside it. */
import { LONGEST_TIMER } from './clock.js'
import { PalabreError } from './errors.js'
import type { Account, Login, Me, Media, Problem, Register, SignedIn } from './generated.js'

/** How the helper is made. */
export interface RestOptions {
  /** The server, such as `https://chat.example.org`; in browsers by default the page's own origin. */
  url?: string
  /** For everything but signing in; a function is asked each time. */
  token?: string | (() => string | Promise<string>)
  /** In place of the global `fetch`. */
  fetch?: typeof fetch
  /** How long a call may take, getting a token included: 20 000 ms by default. Files take as long as they take. */
  timeout?: number
}

/** As long as a call takes at most, unless said otherwise. */
const TIMEOUT = 20_000

/** How an upload goes on. */
export interface UploadOptions {
  /** The name of the file, where it has none. */
  name?: string
  /** From 0 to 1. Only browsers tell. */
  onProgress?: (share: number) => void
  signal?: AbortSignal
}

/** What the helper does. All of it rejects with {@link PalabreError}. */
export interface Rest {
  /** A token for a name and a password. */
  login(data: Login): Promise<SignedIn>
  /** A new account, where the project allows it. */
  register(data: Register): Promise<SignedIn>
  /** A fresh token for one that is still good. */
  refresh(): Promise<SignedIn>
  /** Whose the token is. */
  me(): Promise<Me>
  /** Another password: ends all tokens of before, and answers with a fresh one. */
  changePassword(old: string, next: string): Promise<SignedIn>
  /** Changes one's own account; `null` takes a field away. */
  updateAccount(user: string, changes: { [K in keyof Account]?: Account[K] | null }): Promise<Account>
  /**
   * Any call: a path such as `/api/v1/users?limit=10`, and the document it answers with. A POST with a `key` is done once, however often
   * it is sent: it is the `Idempotency-Key`.
   */
  call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal, key?: string): Promise<T>
  /** Uploads a file; its id goes into a message's `attachments`. */
  upload(file: Blob, options?: UploadOptions): Promise<Media>
  /** The content of a file, or of its thumbnail. */
  download(media: string, part?: 'content' | 'thumbnail', signal?: AbortSignal): Promise<Blob>
}

async function problem(status: number, body: () => Promise<unknown>, retryAfter: string | null): Promise<PalabreError> {
  let problem: Partial<Problem> = {}
  try {
    problem = ((await body()) ?? {}) as Partial<Problem>
  } catch {
    // A proxy answered, or nobody knows who.
  }
  const code = problem.code ?? (status >= 500 ? 'unavailable' : 'invalid')
  const seconds = retryAfter === null ? Number.NaN : Number(retryAfter)
  const wait = Number.isFinite(seconds) ? seconds * 1_000 : undefined
  return new PalabreError(code, problem.detail ?? `the server answered ${status}`, status, problem.errors?.[0]?.field, wait)
}

const unreachable = (error: unknown): PalabreError => {
  if (error instanceof PalabreError) return error
  const isAbort = error instanceof Error && error.name === 'AbortError'
  return isAbort ? new PalabreError('aborted', 'given up') : new PalabreError('network', `no answer of the server was to be had: ${String(error)}`)
}

/** No token, no way to the server, an answer that breaks off or is somebody else's: all of it is told in one way. */
async function told<T>(answer: () => Promise<T>): Promise<T> {
  try {
    return await answer()
  } catch (error) {
    throw unreachable(error)
  }
}

/** Gives up when it takes too long, or when the caller does: also where whoever is asked does not listen to that. */
function inTime<T>(ms: number, signal: AbortSignal | undefined, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const own = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const abort = () => end(new PalabreError('aborted', 'given up'))
    const late = () => end(new PalabreError('timeout', 'no answer came in time'))
    const timer = setTimeout(late, Math.min(ms, LONGEST_TIMER))
    const end = (error?: PalabreError) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      // What is over already is not changed by these.
      reject(error)
      own.abort(error)
    }
    if (signal?.aborted) return abort()
    signal?.addEventListener('abort', abort)
    run(own.signal).then(resolve, reject).finally(end)
  })
}

function written(body: unknown): string {
  try {
    return JSON.stringify(body)
  } catch (error) {
    throw new PalabreError('invalid', `this is no JSON: ${String(error)}`, 400)
  }
}

/** Makes the helper. */
export function createRest(options: RestOptions = {}): Rest {
  const address = (path: string) => new URL(path, options.url ?? globalThis.location?.href).href
  const ask = options.fetch ?? ((...request: Parameters<typeof fetch>) => fetch(...request))

  const headers = async (isPublic: boolean): Promise<Record<string, string>> => {
    const { token } = options
    if (isPublic || token === undefined) return {}
    return { authorization: `Bearer ${typeof token === 'string' ? token : await token()}` }
  }

  async function answer(method: string, path: string, init: RequestInit, isPublic = false): Promise<Response> {
    const all = { ...(await headers(isPublic)), ...(init.headers as Record<string, string> | undefined) }
    const response = await ask(address(path), { ...init, method, headers: all, credentials: 'omit' })
    if (!response.ok) throw await problem(response.status, () => response.json(), response.headers.get('retry-after'))
    return response
  }

  const call = <T>(method: string, path: string, body?: unknown, signal?: AbortSignal, key?: string, isPublic = false): Promise<T> =>
    told(() =>
      inTime(options.timeout ?? TIMEOUT, signal, async (signal) => {
        const init: RequestInit = { signal, headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(key !== undefined && { 'idempotency-key': key }) } }
        if (body !== undefined) init.body = written(body)
        const response = await answer(method, path, init, isPublic)
        return (response.status === 204 ? undefined : await response.json()) as T
      }),
    )

  /** `fetch` can't tell how far an upload is; the older way can. */
  async function uploadWithProgress(form: FormData, onProgress: (share: number) => void, signal?: AbortSignal): Promise<Media> {
    const all = await headers(false)
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest()
      request.open('POST', address('/api/v1/media'))
      for (const [name, value] of Object.entries(all)) request.setRequestHeader(name, value)
      request.upload.onprogress = ({ loaded, total, lengthComputable }) => lengthComputable && onProgress(loaded / total)
      const body = async () => JSON.parse(request.responseText) as unknown
      request.onload = () => {
        if (request.status >= 200 && request.status < 300) void body().then((media) => resolve(media as Media), reject)
        else void problem(request.status, body, request.getResponseHeader('retry-after')).then(reject)
      }
      request.onerror = () => reject(unreachable('it failed'))
      request.onabort = () => reject(new PalabreError('aborted', 'given up'))
      if (signal?.aborted) return reject(new PalabreError('aborted', 'given up'))
      signal?.addEventListener('abort', () => request.abort(), { once: true })
      request.send(form)
    })
  }

  return {
    login: (data) => call('POST', '/api/v1/auth/login', data, undefined, undefined, true),
    register: (data) => call('POST', '/api/v1/auth/register', data, undefined, undefined, true),
    refresh: () => call('POST', '/api/v1/auth/refresh'),
    me: () => call('GET', '/api/v1/auth/me'),
    changePassword: (old, next) => call('POST', '/api/v1/auth/password', { old, new: next }),
    updateAccount: (user, changes) => call('PATCH', `/api/v1/users/${encodeURIComponent(user)}`, changes),
    call: (method, path, body, signal, key) => call(method, path, body, signal, key),
    upload: (file, { name, onProgress, signal } = {}) =>
      told(async () => {
        const form = new FormData()
        form.append('file', file, name ?? (file as File).name ?? 'file')
        if (onProgress && typeof XMLHttpRequest !== 'undefined') return uploadWithProgress(form, onProgress, signal)
        const response = await answer('POST', '/api/v1/media', { body: form, ...(signal && { signal }) })
        onProgress?.(1)
        return (await response.json()) as Media
      }),
    download: (media, part = 'content', signal) =>
      told(async () => {
        const response = await answer('GET', `/api/v1/media/${encodeURIComponent(media)}/${part}`, { ...(signal && { signal }) })
        return await response.blob()
      }),
  }
}
