import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { startProxy } from '../../client/test/support/proxy.js'
import { checkAccess, openWindow, shot, signIn, startBrowser } from './support/browser.js'
import { befriend, person, places } from './support/server.js'
import { composer, message, open, say, sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

const bodies = async (page: Page) => (await page.locator('.message .body').allTextContents()).map((text) => text.trim())

test('the connection goes while both write, and nothing is lost or there twice', async () => {
  const [ida, jon] = [await person('ida', 'Ida Holm'), await person('jon', 'Jon Berg')]
  await befriend(ida, jon)
  const { port } = places()
  const proxies = [await startProxy(port), await startProxy(port)] as const
  const [one, other] = [await openWindow(browser, { url: proxies[0].url }), await openWindow(browser, { url: proxies[1].url })]
  await signIn(one, ida)
  await signIn(other, jon)
  await open(one.page, 'Jon Berg')
  await open(other.page, 'Ida Holm')
  await say(one.page, 'before')
  await message(other.page, 'before').waitFor()

  for (const proxy of proxies) {
    proxy.close()
    proxy.cut()
  }
  await one.page.getByText('What you write is kept and sent later.').first().waitFor()
  await shot(one, 'offline')
  await checkAccess(one, 'without a connection')
  for (const text of ['one while away', 'two while away']) await say(one.page, text)
  await say(other.page, 'three while away')
  await message(one.page, 'two while away').getByText('Waits to be sent').waitFor({ state: 'attached' })
  // Loading the page anew needs the server: what waits is still there after that, too.
  proxies[0].open()
  await one.page.reload()
  await message(other.page, 'three while away').getByText('Waits to be sent').waitFor({ state: 'attached' })
  await other.page.locator('.history').focus()
  await other.page.keyboard.press('ArrowUp')
  await message(other.page, 'three while away').and(other.page.locator(':focus')).waitFor()
  proxies[1].open()
  for (const { page } of [one, other]) {
    await page.evaluate(() => dispatchEvent(new Event('online')))
    for (const text of ['one while away', 'two while away', 'three while away']) await message(page, text).waitFor()
    await page.locator('.message.waiting').first().waitFor({ state: 'detached' })
    await page.getByText('What you write is kept').first().waitFor({ state: 'detached' })
  }
  await message(other.page, 'three while away').and(other.page.locator(':focus')).waitFor()
  const seen = await bodies(one.page)
  assert.deepEqual([...seen].sort(), ['before', 'one while away', 'three while away', 'two while away'])
  assert.deepEqual(await bodies(other.page), seen)
  assert.ok(seen.indexOf('one while away') < seen.indexOf('two while away'))

  // Cut in the middle of it, again and again.
  for (let round = 0; round < 3; round += 1) {
    await say(one.page, `round ${round}`)
    proxies[0].cut()
    proxies[1].cut()
  }
  for (const { page } of [one, other]) {
    // Its pauses have grown: the browser says that there is a network.
    await page.evaluate(() => dispatchEvent(new Event('online')))
    await message(page, 'round 2').waitFor()
  }
  await one.page.locator('.message.waiting').first().waitFor({ state: 'detached' })
  assert.equal((await bodies(other.page)).filter((text) => text.startsWith('round')).length, 3)
  assert.deepEqual(await bodies(one.page), await bodies(other.page))
  await composer(one.page).waitFor()
  for (const { faults, close } of [one, other]) {
    assert.deepEqual(faults, [])
    await close()
  }
  for (const proxy of proxies) await proxy.stop()
})

/** Longer than a request waits for a connection. */
const LONG = '00:25'

test('what is begun while the connection is away is not lost, wherever one looks meanwhile', async () => {
  const [kim, lea, moe] = [await person('kim', 'Kim Dahl'), await person('lea', 'Lea Novak'), await person('moe', 'Moe Sy')]
  const [withLea, withMoe] = [await befriend(kim, lea), await befriend(kim, moe)]
  await sayQuietly(lea, withLea, 'from Lea')
  await sayQuietly(kim, withLea, 'bring tee')
  await sayQuietly(kim, withLea, 'we meat at 8')
  await sayQuietly(moe, withMoe, 'from Moe')
  const proxy = await startProxy(places().port)
  const window = await openWindow(browser, { url: proxy.url })
  const { page } = window
  await page.clock.install()
  await page.reload()
  await signIn(window, kim)
  await open(page, 'Lea Novak')
  await message(page, 'we meat').waitFor()

  proxy.close()
  proxy.cut()
  await page.getByText('What you write is kept and sent later.').first().waitFor()
  // One that was not looked at before: nothing of it is here, and one can write.
  await open(page, 'Moe Sy')
  await page.getByText('What was said here comes when the connection is back.').waitFor()
  for (const text of ['one for Moe', 'two for Moe: https://example.org/maps']) await say(page, text)
  await message(page, 'two for Moe').getByText('Waits to be sent').waitFor({ state: 'attached' })
  await page.locator('.composer input[type=file]').setInputFiles([{ name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('a plan') }])
  await page.locator('.upload', { hasText: 'The server was not reached.' }).waitFor()
  await composer(page).fill('three for Moe, with the plan')
  await composer(page).press('Enter')
  const notes = page.locator('.toast', { hasText: 'Some files are not uploaded' })
  await notes.waitFor()
  // Of many notes only the last are shown, and none for ever.
  await page.clock.pauseAt((await page.evaluate(() => Date.now())) + 100)
  for (let times = 0; times < 4; times += 1) await composer(page).press('Enter')
  assert.equal(await notes.count(), 3)
  await page.clock.resume()
  await page.clock.fastForward(LONG)
  await page.locator('.toast').first().waitFor({ state: 'detached' })

  // Back to one that was: what was read is there, and mending it waits.
  await open(page, 'Lea Novak')
  await message(page, 'from Lea').waitFor()
  await composer(page).press('ArrowUp')
  await composer(page).fill('we meet at 8')
  await composer(page).press('Enter')
  await page.getByText('Saved when the connection is back').waitFor()
  await page.clock.fastForward(LONG)
  // Another is mended meanwhile, and keeps its words when one answers somebody.
  await message(page, 'bring tee').press('e')
  assert.equal(await composer(page).inputValue(), 'bring tee')
  await composer(page).fill('bring tea')
  await message(page, 'from Lea').press('r')
  assert.equal(await composer(page).inputValue(), 'bring tea')
  await composer(page).press('Enter')
  await page.getByText('Saved when the connection is back').waitFor()
  await page.clock.fastForward(LONG)
  await message(page, 'we meat').press('e')
  await page.getByText('Saved when the connection is back').waitFor()
  assert.equal(await composer(page).inputValue(), 'we meet at 8')
  await open(page, 'Moe Sy')
  await message(page, 'one for Moe').waitFor()
  assert.equal(await composer(page).inputValue(), 'three for Moe, with the plan')
  await open(page, 'Lea Novak')
  await page.getByText('Saved when the connection is back').waitFor()
  assert.equal(await composer(page).inputValue(), 'we meet at 8')
  await open(page, 'Moe Sy')
  await message(page, 'two for Moe').waitFor()

  // Who is asked about a link goes on being asked when its message arrives.
  const asked = page.getByRole('dialog', { name: 'Leave Palabre?' })
  await message(page, 'two for Moe').getByRole('link').click()
  await asked.getByText('https://example.org/maps').waitFor()
  proxy.open()
  await page.evaluate(() => dispatchEvent(new Event('online')))
  await message(page, 'from Moe').waitFor()
  await page.locator('.message.waiting').first().waitFor({ state: 'detached' })
  await asked.getByText('https://example.org/maps').waitFor()
  await asked.getByRole('button', { name: 'Cancel' }).click()
  assert.match(await page.evaluate(() => document.activeElement?.closest('.message')?.textContent ?? ''), /two for Moe/)
  assert.deepEqual(await bodies(page), ['from Moe', 'one for Moe', 'two for Moe: https://example.org/maps'])
  // The file goes by itself; its message when one says so.
  await page.locator('.upload', { hasText: '6 B' }).waitFor()
  await composer(page).press('Enter')
  await message(page, 'three for Moe').locator('.file-chip', { hasText: 'plan.txt' }).waitFor()
  await open(page, 'Lea Novak')
  for (const text of ['bring tea', 'we meet at 8']) await message(page, text).getByText('edited').waitFor()
  assert.deepEqual(await bodies(page), ['from Lea', 'bring tea', 'we meet at 8'])
  await page.getByText('Reply to Lea Novak: from Lea').waitFor()
  assert.equal(await composer(page).inputValue(), '')
  await composer(page).press('Escape')

  // One that was mended before is mended again, and one looks elsewhere in the middle of it.
  await composer(page).press('ArrowUp')
  await composer(page).fill('we meet at 9')
  await open(page, 'Moe Sy')
  await message(page, 'from Moe').waitFor()
  await open(page, 'Lea Novak')
  await message(page, 'from Lea').waitFor()
  assert.equal(await composer(page).inputValue(), 'we meet at 9')
  await composer(page).press('Enter')
  await page.locator('.message:not(.waiting)', { hasText: 'we meet at 9' }).waitFor()
  // What is saved is not there to be said once more.
  await page.waitForFunction(() => document.querySelector<HTMLTextAreaElement>('.composer-field')?.value === '')
  const { items } = await lea.rest.call<{ items: Array<{ body: string }> }>('GET', `/api/v1/conversations/${withLea}/messages`)
  assert.deepEqual(items.map(({ body }) => body).sort(), ['bring tea', 'from Lea', 'we meet at 9'])

  // Who closes the tab is asked before something mended is gone, and only then.
  const leaves = () => page.evaluate(() => dispatchEvent(new Event('beforeunload', { cancelable: true })))
  assert.equal(await leaves(), true)
  proxy.close()
  proxy.cut()
  await page.getByText('What you write is kept and sent later.').first().waitFor()
  await composer(page).press('ArrowUp')
  await composer(page).fill('we meet at 10')
  await composer(page).press('Enter')
  await page.getByText('Saved when the connection is back').waitFor()
  const question = page.waitForEvent('dialog')
  await page.close({ runBeforeUnload: true })
  assert.equal((await question).type(), 'beforeunload')
  await (await question).dismiss()
  proxy.open()
  await page.evaluate(() => dispatchEvent(new Event('online')))
  await page.locator('.message:not(.waiting)', { hasText: 'we meet at 10' }).waitFor()
  assert.equal(await leaves(), true)
  assert.deepEqual(window.faults, [])
  await window.close()
  await proxy.stop()
})
