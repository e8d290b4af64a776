import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { startProxy } from '../../client/test/support/proxy.js'
import { checkAccess, openWindow, PHONE, shot, signIn, startBrowser, type Window } from './support/browser.js'
import { holdRequest } from './support/late.js'
import { hold } from './support/line.js'
import { befriend, person, places } from './support/server.js'
import { composer, message, open, say, sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => (browser = await startBrowser()))
after(() => browser.close())

/** Eight by eight pixels of one colour. */
const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mO4VKGBFTEMLQkAT2RcgWGoHSgAAAAASUVORK5CYII=', 'base64')

const dialog = ({ page }: Window, name: string) => page.getByRole('dialog', { name })
/** What is shown and read out beside the page itself. */
const heard = async ({ page }: Window) => (await page.locator('.toasts, .unseen[role=log]').allTextContents()).filter((text) => text.trim() !== '')
const openAccount = ({ page }: Window) => page.getByRole('button', { name: /Your account/ }).click()

test('a picture of oneself is seen by the others, and goes', async () => {
  const [ana, bea] = [await person('ana', 'Ana Sousa'), await person('bea', 'Bea Novak')]
  const conversation = await befriend(ana, bea)
  await sayQuietly(ana, conversation, 'Do you know me?')
  const [one, other] = [await openWindow(browser), await openWindow(browser, { viewport: PHONE })]
  const line = await hold(other.page)
  await other.page.reload()
  await signIn(one, ana)
  await signIn(other, bea)
  const inList = other.page.locator('.conversation-link .avatar img')
  await other.page.locator('.conversation-link', { hasText: 'Ana Sousa' }).waitFor()
  assert.equal(await inList.count(), 0)

  await openAccount(one)
  const account = dialog(one, ana.username)
  const choose = async (name: string, buffer: Buffer) => {
    const [chooser] = await Promise.all([one.page.waitForEvent('filechooser'), account.getByRole('button', { name: 'Choose a picture' }).click()])
    await chooser.setFiles({ name, mimeType: 'image/png', buffer })
  }
  // What it is called does not make it a picture.
  await choose('me.png', Buffer.from('Only words'))
  await account.getByRole('alert').getByText('PNG, JPEG, GIF or WebP').waitFor()
  await choose('me.png', Buffer.concat([PNG, Buffer.alloc(3_100_000, 1)]))
  await account.getByRole('alert').getByText('too large').waitFor()
  // The other one does not get it at first.
  await other.page.route('**/thumbnail', (route) => route.abort())
  const missed = other.page.waitForEvent('requestfailed')
  await choose('me.png', PNG)
  await account.locator('.avatar img').waitFor()
  // Said where it is heard: all below a dialog is silent.
  await account.getByRole('log').getByText('Your picture is changed').waitFor({ state: 'attached' })
  assert.equal(await account.getByRole('alert').count(), 0)
  await shot(one, 'account')
  await checkAccess(one, 'an account with a picture')

  // One that takes long, and is still under way when another has been chosen.
  const changes: string[] = []
  one.page.on('request', (request) => request.method() === 'PATCH' && changes.push(request.url()))
  const slow = await holdRequest(one.page, '**/api/v1/media', 'POST')
  await choose('me.png', PNG)
  await slow.held
  await one.page.keyboard.press('Escape')
  await openAccount(one)
  const changed = one.page.waitForResponse((response) => response.request().method() === 'PATCH')
  await choose('me.png', PNG)
  await changed
  await slow.letGo()
  assert.equal(changes.length, 1)

  await missed
  await other.page.unroute('**/thumbnail')
  assert.equal(await inList.count(), 0)
  await line.cut()
  await inList.waitFor()
  assert.deepEqual(await inList.evaluate(async (image: HTMLImageElement) => (await image.decode(), [image.naturalWidth, image.naturalHeight])), [8, 8])
  await other.page.locator('.conversation-link', { hasText: 'Ana Sousa' }).click()
  await message(other.page, 'Do you know me?').locator('.avatar img').waitFor()
  await other.page.locator('.conversation-head .avatar img').waitFor()
  await shot(other, 'picture-of-a-user')

  await account.getByRole('button', { name: 'Remove', exact: true }).click()
  for (const place of ['.conversation-head', '.message']) await other.page.locator(`${place} .avatar img`).waitFor({ state: 'detached' })
  await other.page.locator('.conversation-head .avatar').getByText('AS').waitFor()
  await account.locator('.avatar img').waitFor({ state: 'detached' })
  assert.equal(await account.getByRole('button', { name: 'Choose a picture' }).evaluate((button) => button === document.activeElement), true)
  for (const { faults, close } of [one, other]) {
    assert.deepEqual(faults, [])
    await close()
  }
})

test('without a connection one stays invisible, and does not sign out from what waits', async () => {
  const [ivo, jana] = [await person('ivo', 'Ivo Kral'), await person('jana', 'Jana Roth')]
  const conversation = await befriend(ivo, jana)
  const proxy = await startProxy(places().port)
  const window = await openWindow(browser, { url: proxy.url })
  const { page } = window
  const sent: string[] = []
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(String(payload))))
  await signIn(window, ivo)
  await open(page, 'Jana Roth')
  await openAccount(window)
  await page.getByLabel('Status').selectOption('Invisible')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: /Your account/ }).getByText('Invisible').waitFor({ state: 'attached' })
  proxy.close()
  proxy.cut()
  await page.getByText('What you write is kept and sent later.').waitFor()

  sent.length = 0
  await openAccount(window)
  assert.equal(await page.getByLabel('Status').inputValue(), 'invisible')
  await page.getByLabel('Appearance').selectOption('Dark')
  await page.getByRole('button', { name: 'Save' }).click()
  await dialog(window, ivo.username).waitFor({ state: 'detached' })
  await say(page, 'first of two')
  await say(page, 'second of two')

  // What is not sent is not thrown away unasked.
  await openAccount(window)
  await page.getByRole('button', { name: 'Sign out' }).click()
  const question = dialog(window, 'Not everything is sent')
  await question.getByText('2 messages were not sent').waitFor()
  await checkAccess(window, 'signing out with what is not sent')
  await shot(window, 'unsent')
  await question.getByRole('button', { name: 'Stay' }).click()
  await question.waitFor({ state: 'detached' })
  await page.keyboard.press('Escape')
  await message(page, 'second of two').waitFor()

  proxy.open()
  await page.getByRole('button', { name: 'Try now' }).click({ timeout: 2_000 }).catch(() => undefined)
  await page.locator('.message.waiting').first().waitFor({ state: 'detached' })
  await message(page, 'second of two').waitFor()
  assert.deepEqual(sent.filter((frame) => frame.includes('status.update')), [])

  // Discarded, it is nowhere any more, and never sent.
  proxy.close()
  proxy.cut()
  await page.getByText('What you write is kept and sent later.').waitFor()
  await say(page, 'third, discarded')
  await composer(page).press('ArrowUp')
  await composer(page).fill('second, mended')
  await composer(page).press('Enter')
  await page.getByText('Saved when the connection is back').waitFor()
  await openAccount(window)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await question.getByText('1 message was not sent. 1 edit was not saved.').waitFor()
  await question.getByRole('button', { name: 'Discard and sign out' }).click()
  await page.getByLabel('Password').waitFor()
  assert.deepEqual(await heard(window), [])
  proxy.open()
  await signIn(window, ivo)
  await open(page, 'Jana Roth')
  await message(page, 'second of two').waitFor()
  await say(page, 'fourth')
  await page.locator('.message:not(.waiting)', { hasText: 'fourth' }).waitFor()
  const { items } = await jana.rest.call<{ items: Array<{ body: string }> }>('GET', `/api/v1/conversations/${conversation}/messages`)
  assert.deepEqual(items.map(({ body }) => body).sort(), ['first of two', 'fourth', 'second of two'])
  assert.deepEqual(window.faults, [])
  await window.close()
  await proxy.stop()
})

test('a page that does not come is tried again', async () => {
  const who = await person('part', 'Paz')
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, who)
  await page.route('**/assets/support-*.js', (route) => route.abort())
  const link = page.getByRole('link', { name: 'Support' })
  await link.click()
  await page.getByRole('alert').getByText('This page could not be shown.').waitFor()
  await checkAccess(window, 'a page that could not be shown')
  await shot(window, 'broken')
  // The others are not held back by it.
  for (const way of [page.getByRole('link', { name: 'Chats', exact: true }), page.getByRole('link', { name: 'To your chats' })]) {
    await way.click()
    await page.getByRole('heading', { name: 'Conversations' }).first().waitFor()
    await link.click()
    await page.getByRole('alert').getByText('This page could not be shown.').waitFor()
  }
  await page.unroute('**/assets/support-*.js')
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByRole('heading', { name: 'Support' }).first().waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})
