/** What is made by a request to the server is made once: also when its answer is lost and it is sent again, or when somebody clicks twice. */
import { PalabreError, type Rest } from '@palabre/client'

/** What is not known to be done, or refused, by where it was sent; the same content sent again is the same attempt. */
const attempts = new WeakMap<Pick<Rest, 'call'>, Map<string, { content: string; key: string }>>()

const name = (): string => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-')

/** Whether the server has not done it, and won't: answers of these kinds are given again to who sends it again. */
const isRefusal = (error: unknown): boolean => error instanceof PalabreError && error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429

/** Makes something: a POST to a path, and the document it is answered with. */
export async function make<T>(rest: Pick<Rest, 'call'>, path: string, body: unknown): Promise<T> {
  const content = JSON.stringify(body)
  const all = attempts.get(rest) ?? new Map<string, { content: string; key: string }>()
  attempts.set(rest, all)
  const before = all.get(path)
  const attempt = before?.content === content ? before : { content, key: name() }
  all.set(path, attempt)
  const end = () => all.get(path) === attempt && all.delete(path)
  for (;;) {
    try {
      const made = await rest.call<T>('POST', path, body, undefined, attempt.key)
      end()
      return made
    } catch (error) {
      // It is under way: its answer is had a little later.
      const wait = error instanceof PalabreError && error.code === 'conflict' ? error.retryAfterMs : undefined
      if (wait === undefined) {
        if (isRefusal(error)) end()
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
}
