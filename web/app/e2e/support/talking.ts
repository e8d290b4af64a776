/** What tests do in a conversation. */
import type { Locator, Page } from 'playwright-core'
import type { Person } from './server.js'

/** Where one writes. */
export const composer = (page: Page): Locator => page.getByRole('textbox', { name: /^Write to/ })

/** What is shown of messages, by a part of their text. */
export const message = (page: Page, text: string | RegExp): Locator => page.locator('.message', { hasText: text })

/** Writes and sends. */
export async function say(page: Page, text: string): Promise<void> {
  await composer(page).fill(text)
  await composer(page).press('Enter')
}

/**
 * Writes something long as people do, from the clipboard. To `fill` is to type all of it at one go, for which Chromium takes time that grows
 * with the square of the lines: half a minute for four thousand.
 */
export async function paste(page: Page, text: string): Promise<void> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.evaluate((words) => navigator.clipboard.writeText(words), text)
  await composer(page).focus()
  await page.keyboard.press('ControlOrMeta+V')
}

/** Opens the conversation of this title. */
export const open = (page: Page, title: string): Promise<void> => page.locator('.conversation-link', { hasText: title }).click()

/** Says something without a window. */
export async function sayQuietly(who: Person, conversation: string, body: string): Promise<void> {
  await who.rest.call('POST', `/api/v1/conversations/${conversation}/messages`, { id: crypto.randomUUID(), body })
}
