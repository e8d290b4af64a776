/** Lists of the server, that come in pages. */
import type { Rest } from '@palabre/client'

export interface Page<T> {
  items: T[]
  next?: string
}

/** In a page, as many as the server gives. */
const MOST = 200

/** All pages of a list that is bounded. */
export async function all<T>(rest: Pick<Rest, 'call'>, path: string): Promise<T[]> {
  const items: T[] = []
  let after: string | undefined
  do {
    const page: Page<T> = await rest.call('GET', `${path}?limit=${MOST}${after ? `&after=${encodeURIComponent(after)}` : ''}`)
    items.push(...page.items)
    after = page.next
  } while (after)
  return items
}
