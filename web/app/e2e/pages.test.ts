import assert from 'node:assert/strict'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { checkAccess, openWindow, PHONE, shot, signIn, startBrowser, WIDE, type Window } from './support/browser.js'
import { befriend, person, places, type Person } from './support/server.js'
import { message, open } from './support/talking.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

/** Somebody with contacts, with whom they have talked, and with an invitation. */
async function community(): Promise<Person> {
  const [maya, theo, ines, leo] = await Promise.all([person('maya', 'Maya Fontaine'), person('theo', 'Theo Brandt'), person('ines', 'Inès Carvalho'), person('leo', 'Leo Marchetti')])
  const [group] = await Promise.all([
    maya.rest.call<{ id: string }>('POST', '/api/v1/conversations', { title: 'Thursday raid', members: [{ user: theo.id }, { user: ines.id }] }),
    befriend(maya, theo),
    befriend(maya, ines),
    leo.rest.call('POST', '/api/v1/contacts', { user: maya.id, action: 'invite' }),
  ])
  const tell = (who: Person, body: string) => who.rest.call('POST', `/api/v1/conversations/${group.id}/messages`, { id: crypto.randomUUID(), body })
  await tell(theo, 'The notes of the patch: [what has changed](https://games.example.org/patch/notes)')
  await tell(maya, 'Who brings the healer?\n\n```\ncast("shield", on=player, at=30 * turn, until=the_end_of_the_fight)\n```')
  return maya
}

/** Opens every dialog, menu and page of who talks, and looks at each. */
async function walk(window: Window, who: Person, look: (what: string) => Promise<void>): Promise<void> {
  const { page } = window
  const dialog = page.getByRole('dialog')
  const leave = async () => {
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
  }
  const choose = async (menu: string, item: string) => {
    await page.getByRole('button', { name: menu, exact: true }).click()
    await page.getByRole('menuitem', { name: item }).click()
    await dialog.waitFor()
  }
  await page.getByLabel('Project').fill('tests')
  await page.getByLabel('Name', { exact: true }).fill(who.username)
  await page.getByLabel('Password').fill('not this one')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
  await look('a sign-in that failed')
  await signIn(window, who)
  await page.getByRole('button', { name: /^Accept/ }).waitFor()
  await look('conversations')
  await page.getByRole('button', { name: 'New', exact: true }).click()
  await look('menu of what is new')
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'New', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Ask the assistant' }).click()
  await page.getByText('This project has no assistant.').waitFor()
  await choose('New', 'Invite a contact')
  await dialog.getByLabel('Their username').fill('nobody-of-that-name')
  await dialog.getByRole('button', { name: 'Send invitation' }).click()
  await dialog.getByRole('alert').waitFor()
  await look('dialog to invite')
  await leave()
  await choose('New', 'New group')
  await dialog.getByLabel('Title').fill('Sunday board games')
  await dialog.getByLabel('Theo Brandt').check()
  await look('dialog of a new group')
  await leave()
  await choose('New', 'Contacts')
  await dialog.getByText('Theo Brandt').waitFor()
  await look('dialog of contacts')
  await leave()
  await page.getByRole('button', { name: /Your account/ }).click()
  await dialog.waitFor()
  await look('dialog of the account')
  await leave()
  // Only an answer says that there is nothing; what was found of other words is none.
  const searched = '**/messages/search?*'
  const [search, nothing] = [page.getByRole('searchbox', { name: 'Search' }), page.getByText('Nothing found.')]
  await page.route(searched, (route) => route.abort())
  await search.fill('healer')
  await page.getByText('Searching messages…').waitFor()
  assert.equal(await nothing.count(), 0)
  await page.getByText('Messages could not be searched.').waitFor()
  assert.equal(await nothing.count(), 0)
  await look('a search that failed')
  await page.unroute(searched)
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.locator('.found').waitFor()
  assert.equal(await nothing.count(), 0)
  await look('what a search found')
  await page.route(searched, (route) => route.abort())
  await search.fill('healerless')
  await page.getByText('Messages could not be searched.').waitFor()
  assert.equal(await page.locator('.found').count(), 0)
  await page.unroute(searched)
  await page.getByRole('searchbox', { name: 'Search' }).fill('')

  await open(page, 'Thursday raid')
  await message(page, 'Who brings the healer?').waitFor()
  await page.getByRole('button', { name: 'Tone', exact: true }).click()
  await look('menu of tones')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Emoji', exact: true }).click()
  await dialog.waitFor()
  await look('field of emoji')
  await leave()
  await message(page, 'Who brings').hover()
  await message(page, 'Who brings').getByRole('button', { name: 'More about this message' }).click()
  await look('menu of a message')
  const [tools, text] = await Promise.all(['.message-tools', '.body'].map((part) => message(page, 'Who brings').locator(part).boundingBox()))
  assert.ok(tools && text && (tools.y + tools.height <= text.y + 2 || tools.x + tools.width <= text.x), 'the tools of a message do not lie over what it says')
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await look('question before a message is deleted')
  await leave()
  await message(page, 'The notes').hover()
  await message(page, 'The notes').getByRole('button', { name: 'Reply' }).click()
  await page.getByText('Reply to Theo Brandt').waitFor()
  await look('an answer')
  const size = page.viewportSize()
  await page.setViewportSize(PHONE)
  const cancel = await page.locator('.composer').getByRole('button', { name: 'Cancel' }).boundingBox()
  const bubble = await message(page, 'Who brings').locator('.bubble').boundingBox()
  assert.ok(bubble && bubble.x >= 0 && bubble.x + bubble.width <= PHONE.width, 'long lines make no message wider than a phone')
  assert.ok(cancel && cancel.x + cancel.width <= PHONE.width, 'the way out of an answer can be reached on a phone')
  await page.setViewportSize(size ?? WIDE)
  await page.keyboard.press('Escape')
  await message(page, 'The notes').getByRole('link', { name: 'what has changed' }).click()
  await dialog.getByText('https://games.example.org/patch/notes').waitFor()
  await look('notice before a link')
  await leave()
  await page.getByRole('button', { name: 'More about this conversation' }).click()
  await look('menu of a conversation')
  await page.getByRole('menuitem', { name: 'About this group' }).click()
  await dialog.getByText('Inès Carvalho').first().waitFor()
  await look('dialog of a group')
  await dialog.getByRole('button', { name: 'More about Theo Brandt' }).click()
  await look('menu of a member')
  await page.keyboard.press('Escape')
  await leave()
  await choose('More about this conversation', 'Leave the group')
  await look('question before one leaves')
  await leave()
  await choose('More about this conversation', 'Invite to a game')
  await look('dialog of a game')
  await leave()
}

test('every page and dialog of who talks is accessible', async () => {
  const maya = await community()
  // Pictures are of both sizes; what may be used and how is the same in both.
  for (const viewport of process.env['SHOTS'] ? [WIDE, PHONE] : [WIDE]) {
    const window = await openWindow(browser, { viewport })
    await walk(window, maya, async (what) => {
      await checkAccess(window, what)
      await shot(window, `${viewport === WIDE ? 'wide' : 'phone'} ${what}`.replaceAll(' ', '-'), true)
    })
    assert.deepEqual(window.faults, [])
    await window.close()
  }
})

test('an address from elsewhere leads to a page or says that there is none, and a page that does not come says so', async () => {
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, await person('lost'))
  const hit = '<script>globalThis.hit=1</script>'
  for (const [path, text] of [
    [`/conversations/${encodeURIComponent(hit)}`, 'This conversation is not there, or not for you.'],
    [`/conversations/${hit}`, 'This conversation is not there, or not for you.'],
    ['/conversations/%E0%A4%A', 'This conversation is not there, or not for you.'],
    ['/%2e%2e/%2e%2e/etc/passwd', 'There is no such page.'],
    ['/__proto__/constructor', 'There is no such page.'],
    ['//evil.example/conversations', 'There is no such page.'],
    [`/?next=javascript:globalThis.hit=1#${hit}`, 'No conversations yet.'],
    [`/support/${encodeURIComponent(`../../users?${hit}`)}`, 'That is not there, or not for you.'],
  ] as const) {
    await page.goto(`${places().url}${path}`)
    await page.getByText(text).waitFor()
  }
  await page.goto(`${places().url}/nowhere/at/all`)
  await page.getByText('There is no such page.').waitFor()
  await checkAccess(window, 'a page that is not there')
  assert.equal(new URL(page.url()).host, new URL(places().url).host)
  assert.equal(await page.evaluate(() => 'hit' in globalThis), false)
  assert.deepEqual(window.faults, [])

  // A part of the application that the server no longer has.
  await page.route('**/assets/support-*.js', (route) => route.abort())
  await page.getByRole('link', { name: 'Support' }).click()
  await page.getByRole('alert').getByRole('button', { name: 'Reload' }).waitFor()
  await checkAccess(window, 'a page that did not come')
  await shot(window, 'page-broken')
  await window.close()
})

test('the page of a server that was built without the application is accessible', async () => {
  // From the disk: the server of the tests has the application.
  const window = await openWindow(browser, { url: pathToFileURL(join(process.cwd(), '../../src/http/web/unbuilt.html')).href })
  await window.page.getByRole('heading', { name: 'Palabre' }).waitFor()
  await checkAccess(window, 'the page in its place')
  await window.close()
})
