/** What tests do in a conversation. */
import type { Locator, Page } from 'playwright-core'
import type { Person } from './server.js'

/** Where one writes. */
export const composer = (page: Page): Locator => page.getByRole('textbox', { name: /^Write to/ })

/** What is shown of messages, by a part of their text. */
export const message = (page: Page, text: string): Locator => page.locator('.message', { hasText: text })

/** Writes and sends. */
export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text)
  await composer(page).press('Enter')
}

/** Opens the conversation of this title. */
export const open = (page: Page, title: string): Promise<void> => page.locator('.conversation-link', { hasText: title }).click()

/** Says something without a window. */
export async function sayQuietly(who: Person, conversation: string, body: string): Promise<void> {
  await who.rest.call('POST', `/api/v1/conversations/${conversation}/messages`, { id: crypto.randomUUID(), body })
}
