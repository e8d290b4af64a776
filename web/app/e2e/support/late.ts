/** Requests and answers that come late. */
import type { Page } from 'playwright-core'
import { painted } from './browser.js'

/** Something that is on its way. */
export interface Late {
  /** It is held. */
  held: Promise<void>
  /** Lets it go on; resolves when the page shows what it has come to. */
  letGo(): Promise<void>
}

type Path = string | RegExp

/** Holds the next answer to what is asked for there, which is from now. What is asked for later is not held. */
export const holdAnswer = (page: Page, path: Path, method = 'GET'): Promise<Late> => hold(page, path, method, true)

/** Holds what is asked for there next before the server has it. What is asked for later is not held. */
export const holdRequest = (page: Page, path: Path, method = 'GET'): Promise<Late> => hold(page, path, method, false)

async function hold(page: Page, path: Path, method: string, isAnswered: boolean): Promise<Late> {
  let begin!: () => void
  const held = new Promise<void>((resolve) => (begin = resolve))
  let end!: () => void
  const over = new Promise<void>((resolve) => (end = resolve))
  let finished: Promise<unknown> | undefined
  await page.route(path, async (route) => {
    const request = route.request()
    if (finished || request.method() !== method) return route.fallback()
    finished = page.waitForEvent('requestfinished', (one) => one === request)
    const early = isAnswered ? await route.fetch() : undefined
    begin()
    await over
    await route.fulfill({ response: early ?? (await route.fetch()) })
  })
  return {
    held,
    async letGo() {
      end()
      await finished
      await painted(page)
    },
  }
}
