/** The support desk, in a window and without one. */
import type { Browser } from 'playwright-core'
import { openWindow, signIn, type Window } from './browser.js'
import type { Person } from './server.js'

/** Opens it for somebody. */
export async function openDesk(browser: Browser, who: Person, options: Parameters<typeof openWindow>[1] = {}): Promise<Window> {
  const window = await openWindow(browser, options)
  await signIn(window, who)
  await window.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Support' }).click()
  await window.page.getByRole('button', { name: 'Ask for support' }).waitFor()
  return window
}

/** What is asked for. */
export interface Request {
  id: string
  status: string
}

/** Asks for something without a window. */
export const ask = (who: Person, subject: string, priority = 'MEDIUM') =>
  who.rest.call<Request>('POST', '/api/v1/support/requests', { type: 'CHAT', priority, subject, message: `About ${subject}` })
