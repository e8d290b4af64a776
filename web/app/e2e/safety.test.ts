import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { checkAccess, openWindow, painted, shot, signIn, startBrowser } from './support/browser.js'
import { befriend, person } from './support/server.js'
import { composer, message, open, paste, say, sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

const HIT = 'globalThis.hit=1'
/** What people try in fields that are shown to others. */
const ATTACKS = [
  `<script>${HIT}</script>`,
  `<img src=x onerror=${HIT}>`,
  `<svg onload=${HIT}>`,
  `<svg><animate onbegin=${HIT} attributeName=x dur=1s>`,
  `"><iframe srcdoc="<script>parent.hit=1</script>">`,
  `<details open ontoggle=${HIT}>`,
  `<math><mtext><table><mglyph><style><img src=x onerror=${HIT}>`,
  `<form action="javascript:${HIT}"><button>x`,
  `<style>*{display:none}</style><link rel=stylesheet href=//evil.example/a.css>`,
  `<base href="//evil.example/">`,
  `<p style="position:fixed;inset:0" id="app" class="composer">x</p>`,
  `[click](javascript:${HIT})`,
  `[click](JaVaScRiPt&colon;${HIT})`,
  `[click](data:text/html,<script>${HIT}</script>)`,
  `[click](vbscript:x)`,
  `![x](https://evil.example/pixel.png)`,
  `![x](javascript:${HIT})`,
  `<a href="jav&#x09;ascript:${HIT}">click</a>`,
  `[x]: javascript:${HIT}\n[x]`,
  `<https://evil.example/"onmouseover="${HIT}>`,
  '```html"onload="x\n<script>' + HIT + '</script>\n```',
  '`<img src=x onerror=' + HIT + '>`',
  '| <img src=x onerror=1> | b |\n|---|---|\n| <script>1</script> | d |',
  `{{constructor.constructor('${HIT}')()}}`,
  `\u202e\u2066<b onclick=${HIT}>x`,
  // What is short and asks for much.
  '>'.repeat(16_000) + 'x',
  '- '.repeat(8_000) + 'x',
  '*a **b '.repeat(2_000),
  '['.repeat(8_000) + '](x)'.repeat(1_000),
  // Each of these alone would take seconds, whenever it is shown.
  ...Array<string>(4).fill('**a '.repeat(4_090) + '**a*'),
  ...Array<string>(4).fill(`${'[*a '.repeat(700)}*\n\nbut *this* is ~~not~~ **one**`),
]
/** What is long in one way or another; the composer takes no more than this. */
const LONG = ['x'.repeat(16_384), 'a\n'.repeat(4_000), `${'a|'.repeat(2_048)}\n${'-|'.repeat(2_048)}\n${'a\n'.repeat(4_095)}`, '@'.repeat(16_384)]

test('what is written is only ever text', async () => {
  const [mia, max] = [await person('mia', `<img src=x onerror=${HIT}>`), await person('max', `"><script>${HIT}</script>`)]
  await befriend(mia, max)
  const [one, other] = [await openWindow(browser), await openWindow(browser)]
  const asked: string[] = []
  for (const { page } of [one, other]) page.on('request', (request) => /evil/.test(request.url()) && asked.push(request.url()))
  await signIn(one, mia)
  await signIn(other, max)
  await open(one.page, 'script')
  await open(other.page, 'onerror')
  for (const text of ATTACKS) await say(one.page, text)
  // Too many signs of emphasis are none, in their paragraph.
  const starry = message(other.page, 'but this is not one').last()
  await starry.waitFor({ timeout: 60_000 })
  assert.deepEqual(await starry.locator(':is(em, del, strong)').allInnerTexts(), ['this', 'not', 'one'])
  for (const text of LONG) {
    // As a draft that one comes back to, and then as a message.
    await paste(one.page, text)
    await one.page.getByRole('link', { name: 'Support' }).click()
    await one.page.getByRole('link', { name: 'Chats' }).click()
    await open(one.page, 'script')
    assert.ok((await composer(one.page).inputValue()).length > 7_000)
    await composer(one.page).press('Enter')
    await one.page.locator('.message.waiting').waitFor({ state: 'detached' })
  }
  // More than the server takes is kept to be shortened, and says so.
  await paste(one.page, 'x'.repeat(16_390))
  await one.page.locator('.composer', { hasText: 'Too long by 6 characters' }).waitFor()
  await composer(one.page).press('Enter')
  assert.equal((await composer(one.page).inputValue()).length, 16_390)
  assert.ok(await one.page.getByRole('button', { name: 'Send' }).isDisabled())
  await shot(one, 'too-long')
  await composer(one.page).fill('Short enough')
  await one.page.locator('.composer', { hasText: 'Too long' }).waitFor({ state: 'detached' })
  await composer(one.page).press('Enter')
  await message(other.page, 'Short enough').waitFor()
  await say(one.page, 'that was all')
  await message(other.page, 'that was all').waitFor()
  for (const { page } of [one, other]) {
    const found = await page.evaluate(() => ({
      hit: 'hit' in globalThis,
      elements: [...document.querySelectorAll('.message :is(script, img, iframe, style, link, base, form, object, embed, details, svg svg)')].map((element) => element.outerHTML),
      attributes: [...document.querySelectorAll('.body *')].flatMap((element) => [...element.attributes].filter(({ name }) => !['href', 'title', 'rel', 'class', 'tabindex', 'start'].includes(name)).map(({ name }) => name)),
      links: [...document.querySelectorAll<HTMLAnchorElement>('.body a')].map(({ protocol }) => protocol).filter((protocol) => !['http:', 'https:', 'mailto:', 'tel:'].includes(protocol)),
      classes: [...document.querySelectorAll('.body [class]')].map(({ className }) => String(className)).filter((name) => !/^(language-[\w+#.-]+( hljs)?|hljs[-\w ]*|body-plain|body-wide|body-heading|mention( me)?)$/.test(name)),
    }))
    assert.deepEqual(found, { hit: false, elements: [], attributes: [], links: [], classes: [] })
  }

  // None of it keeps anybody from coming back to the conversation.
  await other.page.reload()
  await message(other.page, 'that was all').waitFor()
  // A long one takes no more room than others until one wants all of it.
  const more = other.page.getByRole('button', { name: 'Show all' }).last()
  const height = async () => (await other.page.locator('.message:has(.body-more)').last().boundingBox())?.height ?? 0
  assert.ok((await height()) < 500)
  await more.click()
  await other.page.getByRole('button', { name: 'Show less' }).waitFor()
  assert.ok((await height()) > 1_000)
  for (const { page } of [one, other]) {
    // Up through all of it, as far as there is something.
    await page.locator('.history').focus()
    await page.keyboard.press('Home')
    await page.waitForFunction(() => document.activeElement?.matches('.message'))
    assert.equal(await page.evaluate(() => [...document.querySelectorAll('.history, .page')].every(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth)), true, 'nothing is wider than the page')
  }

  // The title of a group, a status, a search, a draft.
  const attack = ATTACKS[1] as string
  await one.page.getByRole('button', { name: 'New', exact: true }).click()
  await one.page.getByRole('menuitem', { name: 'New group' }).click()
  await one.page.getByLabel('Title').fill(attack)
  await one.page.getByRole('dialog').getByRole('checkbox').check()
  await one.page.getByRole('button', { name: 'Make group' }).click()
  await one.page.getByRole('heading', { name: attack }).waitFor()
  await one.page.getByRole('button', { name: /Your account/ }).click()
  await one.page.getByLabel('What are you doing?').fill(attack)
  await one.page.getByRole('button', { name: 'Save' }).click()
  await other.page.getByText(`Online · ${attack}`).waitFor()
  await other.page.getByRole('searchbox', { name: 'Search' }).fill(attack)
  await other.page.locator('.conversation-link', { hasText: attack }).first().waitFor()
  for (const { page, faults, close } of [one, other]) {
    assert.equal(await page.evaluate(() => 'hit' in globalThis), false)
    assert.deepEqual(faults, [], 'nothing was tried that the policy had to forbid')
    await close()
  }
  assert.deepEqual(asked, [], 'nothing is loaded from elsewhere')
})

test('a message that cannot be shown leaves the others, and can be deleted', async () => {
  const [pam, rob] = [await person('pam', 'Pam'), await person('rob', 'R\u202Eob')]
  const conversation = await befriend(pam, rob)
  for (const text of ['the first', 'a strange one', 'the last']) await sayQuietly(rob, conversation, text)
  await sayQuietly(pam, conversation, 'my strange one')
  const window = await openWindow(browser)
  const { page } = window
  // As if the server were of another version: no reactions are told with two of them.
  await page.routeWebSocket(/\/ws/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((frame) => {
      const data = JSON.parse(String(frame)) as unknown
      const bend = (value: unknown): void => {
        if (typeof value !== 'object' || value === null) return
        if ('body' in value && String(value.body).includes('strange')) (value as { reaction_counts?: unknown }).reaction_counts = null
        for (const field of Object.values(value)) bend(field)
      }
      bend(data)
      socket.send(JSON.stringify(data))
    })
  })
  await page.reload()
  await signIn(window, pam)
  // Nobody's name turns what stands beside it.
  await open(page, 'Rob')
  await message(page, 'the last').waitFor()
  await message(page, 'the first').waitFor()
  const broken = page.getByText('This message could not be shown.')
  assert.equal(await broken.count(), 2)
  // One's own may go.
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.locator('.message').getByText('This message was deleted.').first().waitFor()
  assert.equal(await broken.count(), 1)
  await say(page, 'It goes on')
  await message(page, 'It goes on').waitFor()
  // A page that is left open over midnight.
  await page.locator('.separator', { hasText: 'Today' }).waitFor()
  await page.clock.setFixedTime(Date.now() + 24 * 3_600_000)
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
  await page.locator('.separator', { hasText: 'Yesterday' }).waitFor()
  await page.locator('.conversation-link', { hasText: 'Yesterday' }).waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('a page of which not even the frame can be shown offers ways back', async () => {
  const tess = await person('tess', 'Tess')
  const window = await openWindow(browser)
  const { page } = window
  let isStrange = false
  // As if the server were of another version: one's own name is no text.
  await page.routeWebSocket(/\/ws/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((frame) => socket.send(isStrange ? String(frame).replaceAll('"name":"Tess"', '"name":{"first":"Tess"}') : frame))
  })
  await page.reload()
  await signIn(window, tess)
  isStrange = true
  await page.reload()
  const broken = page.getByRole('alert').filter({ hasText: 'This page' })
  const main = page.getByRole('navigation', { name: 'Main' })
  await broken.waitFor()
  assert.equal(await main.count(), 0)
  await checkAccess(window, 'a frame that is broken')
  await shot(window, 'frame-broken')
  // As long as nothing is better it stays.
  await broken.getByRole('button', { name: 'Try again' }).click()
  await broken.waitFor()
  isStrange = false
  await broken.getByRole('button', { name: 'Reload' }).click()
  await main.getByRole('button', { name: 'Your account: Tess' }).getByText('Online').waitFor({ state: 'attached' })
  assert.equal(await broken.count(), 0)
  await window.close()
})

test('a link says where it leads before it is followed', async () => {
  const [nia, odo] = [await person('nia', 'Nia'), await person('odo', 'Odo')]
  await befriend(nia, odo)
  const window = await openWindow(browser)
  await signIn(window, nia)
  await open(window.page, 'Odo')
  await say(window.page, 'Look: [my bank](https://bank.example.evil.example/login)')
  await window.page.getByRole('link', { name: 'my bank', exact: true }).click()
  const notice = window.page.getByRole('dialog', { name: 'Leave Palabre?' })
  await notice.getByText('https://bank.example.evil.example/login', { exact: true }).waitFor()
  const link = notice.getByRole('link', { name: 'Open in a new tab' })
  assert.deepEqual([await link.getAttribute('target'), (await link.getAttribute('rel'))?.includes('noopener')], ['_blank', true])
  const box = (await link.boundingBox()) as { x: number; y: number; width: number; height: number }
  await window.page.keyboard.press('Escape')
  await notice.waitFor({ state: 'detached' })

  // The second click of two on a link that lies where the notice has its own does not go through.
  await say(window.page, Array.from({ length: 36 }, (_, at) => `[${'my bank '.repeat(14)}](https://evil.example/${at})`).join('\n'))
  await window.page.locator('.message:not(.waiting)').nth(1).waitFor()
  const place = await window.page.waitForFunction(({ x, y, width, height }) => {
    const at = Array.from({ length: Math.floor(height) }, (_, step) => ({ x: x + width / 2, y: y + step }))
    return at.find((point) => document.elementFromPoint(point.x, point.y)?.closest('.body a'))
  }, box)
  const { x, y } = (await place.jsonValue()) as { x: number; y: number }
  await window.page.mouse.dblclick(x, y)
  await painted(window.page)
  assert.ok(await notice.isVisible())
  assert.equal(window.page.context().pages().length, 1)
  assert.deepEqual(window.faults, [])
  await window.close()
})
