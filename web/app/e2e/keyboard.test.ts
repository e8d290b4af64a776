import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { openWindow, PHONE, startBrowser, WIDE } from './support/browser.js'
import { befriend, person, PROJECT } from './support/server.js'
import { composer, message, sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

test('all of it works with the keyboard alone', async () => {
  const [pia, quin] = [await person('pia', 'Pia'), await person('quin', 'Quin')]
  const conversation = await befriend(pia, quin)
  // The owner of a group has the dialog with the most in it.
  await pia.rest.call('POST', '/api/v1/conversations', { title: 'Listeners', members: [{ user: quin.username }] })
  await sayQuietly(quin, conversation, 'Can you hear me?')
  const window = await openWindow(browser)
  const { page } = window
  const press = async (...keys: string[]) => {
    for (const key of keys) await page.keyboard.press(key)
  }
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '')

  // Signing in: through the fields by Tab.
  await page.getByLabel('Project').waitFor()
  await press('Tab')
  await press('Control+A')
  await page.keyboard.type(PROJECT)
  await press('Tab')
  await page.keyboard.type(pia.username)
  await press('Tab')
  await page.keyboard.type(pia.password)
  await press('Enter')
  await page.getByRole('navigation', { name: 'Main' }).waitFor()
  await page.locator('.conversation-link').first().waitFor()

  // Past the rail, to the search, to the first conversation.
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
  await press('Tab')
  assert.equal(await focused(), 'Skip to content')
  await press('Control+K')
  assert.equal(await focused(), 'Search')
  await press('ArrowDown', 'Enter')
  await composer(page).waitFor()
  await page.waitForFunction(() => document.activeElement?.classList.contains('composer-field'))

  // From another page, and from a narrow window's conversation, too.
  await page.getByRole('link', { name: 'Support' }).click()
  await page.getByRole('searchbox', { name: 'Search what was said' }).waitFor()
  await press('Control+K')
  assert.equal(await focused(), 'Search what was said')
  await page.goBack()
  await composer(page).waitFor()
  const size = page.viewportSize()
  await page.setViewportSize(PHONE)
  await press('Control+K')
  assert.equal(await focused(), 'Search')
  await press('ArrowDown', 'Enter')
  await page.setViewportSize(size ?? WIDE)
  await page.waitForFunction(() => document.activeElement?.classList.contains('composer-field'))

  // Writing, and mending what was written.
  await page.keyboard.type('Yes, lowd and')
  await press('Shift+Enter')
  await page.keyboard.type('clear')
  await press('Enter')
  await message(page, 'Yes, lowd').waitFor()
  await page.locator('.message.waiting').waitFor({ state: 'detached' })
  await press('ArrowUp')
  await press('Control+Home')
  for (let step = 0; step < 'Yes, low'.length; step += 1) await press('ArrowRight')
  await press('Backspace')
  await page.keyboard.type('u')
  await press('Enter')
  await message(page, 'Yes, loud').getByText('edited').waitFor()

  // To the messages, and answers and reactions from there.
  await press('Shift+Tab')
  await page.locator('.history').focus()
  await press('ArrowUp', 'ArrowUp')
  assert.match(await focused(), /^Quin,/)
  await press('r')
  await page.waitForFunction(() => document.activeElement?.classList.contains('composer-field'))
  await page.keyboard.type('I do')
  await press('Enter')
  await message(page, 'I do').locator('.quote').waitFor()
  await page.locator('.history').focus()
  await press('ArrowUp', 'ArrowUp', 'ArrowUp')
  assert.match(await focused(), /^Quin,/)
  await press('+')
  await page.getByRole('dialog', { name: 'Emoji' }).waitFor()
  await page.keyboard.type('party')
  await press('Enter')
  await message(page, 'Can you hear me?').getByRole('button', { name: /🎉 1/ }).waitFor()
  assert.match(await focused(), /^Quin,/, 'the focus is where it was')
  await press('Escape')
  await page.waitForFunction(() => document.activeElement?.classList.contains('composer-field'))

  // A menu and a dialog: opened, left, and the focus is back.
  const more = page.getByRole('button', { name: 'More about this conversation' })
  await more.focus()
  await press('Enter')
  await page.getByRole('menuitem', { name: 'Block' }).waitFor()
  await press('Escape')
  assert.equal(await focused(), 'More about this conversation')
  await press('Enter', 'End', 'Enter')
  await page.getByRole('dialog', { name: 'Block Quin?' }).waitFor()
  await press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  assert.equal(await focused(), 'More about this conversation')

  // The menu of a message, and from it the emoji; Tab leaves both behind.
  await page.locator('.history').focus()
  await press('ArrowUp')
  await page.waitForFunction(() => document.activeElement?.matches('.message'))
  const more2 = async () => {
    for (let step = 0; step < 6 && (await focused()) !== 'More about this message'; step += 1) await press('Tab')
    assert.equal(await focused(), 'More about this message')
  }
  await more2()
  await press('Enter', 'ArrowDown')
  assert.equal(await focused(), 'React')
  await press('Tab')
  await page.getByRole('menu').waitFor({ state: 'detached' })
  await more2()
  await press('Enter', 'ArrowDown', 'Enter')
  const picker = page.getByRole('dialog', { name: 'Emoji' })
  await picker.waitFor()
  await press('ArrowDown', 'ArrowRight', 'ArrowLeft', 'ArrowUp')
  assert.equal(await focused(), 'Find an emoji')
  for (let step = 0; step < 12 && (await picker.count()) > 0; step += 1) await press('Tab')
  assert.equal(await picker.count(), 0, 'Tab leads out of it')
  assert.equal(await focused(), 'More about this message')

  // A dialog with fields, people and menus: all of it is reached, nothing outside is.
  await press('Alt+ArrowDown')
  await page.getByRole('heading', { name: 'Listeners' }).waitFor()
  await page.getByRole('button', { name: 'More about this conversation' }).focus()
  await press('Enter')
  await page.getByRole('menuitem', { name: 'About this group' }).waitFor()
  while ((await focused()) !== 'About this group') await press('ArrowDown')
  await press('Enter')
  const info = page.getByRole('dialog', { name: 'About this group' })
  await info.waitFor()
  const reached = new Set<string>()
  for (let step = 0; step < 12; step += 1) {
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest('dialog') !== null), 'the focus stays in the dialog')
    reached.add(await focused())
    await press('Tab')
  }
  for (const name of ['Close', 'Cancel', 'Save', 'More about Quin']) assert.ok(reached.has(name), `${name} is reached: ${[...reached].join(', ')}`)
  await info.getByRole('button', { name: 'More about Quin' }).focus()
  await press('Enter')
  await page.getByRole('menuitemradio', { name: 'Reads' }).waitFor()
  await press('Escape')
  assert.equal(await focused(), 'More about Quin')
  await press('Escape')
  await info.waitFor({ state: 'detached' })
  assert.equal(await focused(), 'More about this conversation')

  // In a narrow window the list is elsewhere: one comes back to where one was in it.
  await page.setViewportSize({ width: 320, height: 640 })
  await page.getByRole('button', { name: 'Back' }).focus()
  await press('Enter')
  await page.locator('.conversation-link:focus', { hasText: 'Listeners' }).waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})
