/** What was asked for and answered long after, when more is known, or somebody is elsewhere. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { createTold } from '../src/core/told.js'
import { openWindow, painted, signIn, startBrowser } from './support/browser.js'
import { ask, openDesk, type Request } from './support/desk.js'
import { holdAnswer, holdRequest } from './support/late.js'
import { befriend, person, type Person } from './support/server.js'
import { crowd, staff } from './support/staff.js'
import { message, open, sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => (browser = await startBrowser()))
after(() => browser.close())

const take = (who: Person, { id }: Request) => who.rest.call('POST', `/api/v1/support/requests/${id}/take`)
const goTo = (page: Page, path: string) => page.evaluate((to) => (history.pushState(null, '', to), dispatchEvent(new PopStateEvent('popstate'))), path)

test('what was told or asked for last is known, in whatever order it comes', () => {
  const told = createTold<string>()
  const [first, second] = [told.since(), told.since()]
  assert.deepEqual([second('place'), first('place'), first('other')], [false, true, false])
  const third = told.since()
  told.note('place')
  assert.deepEqual([third('place'), third('other'), told.since()('place')], [true, false, false])
})

test('at the desk what is known stays, and what was said last holds', async () => {
  const [alice, carol] = [await person('alice'), await staff('agent', 'carol')]
  const request = await ask(alice, 'It came late')
  const window = await openDesk(browser, carol)
  const { page } = window

  // A list from before there was what one looks at by now.
  const list = await holdAnswer(page, /requests\?whose=all/)
  await page.getByRole('button', { name: 'All', exact: true }).click()
  await list.held
  const since = await ask(alice, 'It came later')
  await goTo(page, `/support/${since.id}`)
  const shown = page.getByRole('region', { name: 'It came later' })
  await shown.waitFor()
  await list.letGo()
  assert.equal(await shown.count(), 1)

  // How one works: said twice, with the first still under way.
  const first = await holdRequest(page, '**/support/agents/me', 'PUT')
  await page.getByLabel('I am').selectOption('available')
  await first.held
  const second = page.waitForResponse((response) => response.request().postData()?.includes('"capacity":4') ?? false)
  await page.getByLabel('Capacity').fill('4')
  await page.getByLabel('Capacity').press('Tab')
  await first.letGo()
  await second
  const { status, capacity } = await carol.rest.call<{ status: string; capacity: number }>('GET', '/api/v1/support/agents/me')
  assert.deepEqual([status, capacity], ['available', 4])

  // How one works, asked for before it was changed.
  await goTo(page, `/support/${request.id}`)
  const before = await holdAnswer(page, '**/support/agents/me')
  await page.getByRole('button', { name: 'Take', exact: true }).click()
  await before.held
  const asked = page.waitForResponse((response) => response.url().endsWith('/agents/me') && response.request().method() === 'GET')
  await page.getByLabel('Capacity').fill('7')
  await page.getByLabel('Capacity').press('Tab')
  await (await asked).finished()
  await before.letGo()
  assert.equal(await page.getByLabel('Capacity').inputValue(), '7')

  // Notes, asked for before one was added.
  await goTo(page, `/support/${since.id}`)
  await shown.waitFor()
  const notes = await holdAnswer(page, /\/notes\?/)
  await goTo(page, `/support/${request.id}`)
  await notes.held
  await page.getByLabel('New note').fill('Not to be lost')
  await page.getByRole('button', { name: 'Add the note' }).click()
  const note = page.getByRole('complementary', { name: 'Details' }).getByText('Not to be lost')
  await note.waitFor()
  await notes.letGo()
  assert.equal(await note.count(), 1)

  // A canned answer is saved while another one is changed.
  for (const name of ['first', 'second']) await carol.rest.call('POST', '/api/v1/support/canned', { name: `late ${name}`, body: `Text of the ${name}` })
  await page.getByRole('button', { name: 'Canned answers' }).click()
  await page.getByRole('menuitem', { name: 'late second' }).waitFor()
  await page.getByRole('menuitem', { name: /canned answers…/ }).click()
  const canned = page.getByRole('dialog', { name: 'Canned answers' })
  await canned.getByRole('button', { name: 'Change late first' }).click()
  await canned.getByLabel('Text').fill('Text of the first one')
  const saved = await holdAnswer(page, '**/support/canned/*', 'PATCH')
  await canned.getByRole('button', { name: 'Save' }).click()
  await saved.held
  await canned.getByRole('button', { name: 'Change late second' }).click()
  await canned.getByLabel('Text').fill('Text of the second one')
  await saved.letGo()
  await canned.getByText('Text of the first one').waitFor()
  assert.equal(await canned.getByLabel('Text').inputValue(), 'Text of the second one')
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('who only reads gets what was said before once, however often it is asked for', async () => {
  const [alice, carol, root] = [await person('alice'), await staff('agent', 'carol'), await staff('admin', 'root')]
  const request = await ask(alice, 'Much was said')
  await take(carol, request)
  const { items } = await carol.rest.call<{ items: Array<{ conversation: string }> }>('GET', `/api/v1/support/requests/${request.id}/sessions`)
  for (let at = 0; at < 110; at += 1) await sayQuietly(carol, items[0]!.conversation, `Word number ${at}`)
  const window = await openDesk(browser, root)
  const { page } = window
  await goTo(page, `/support/${request.id}`)
  const said = page.getByRole('region', { name: 'What was said' })
  await said.getByText('Word number 109').waitFor()
  const older = page.getByRole('button', { name: 'Show older messages' })
  const first = await holdAnswer(page, /before_seq=/)
  await older.click()
  await first.held
  await older.click()
  await said.getByText('About Much was said').waitFor()
  await first.letGo()
  assert.equal(await said.getByText('About Much was said').count(), 1)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('what is quoted goes when it is deleted, also while it is asked for', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await befriend(alice, bob)
  const path = `/api/v1/conversations/${conversation}/messages`
  const [quoted, answer] = [crypto.randomUUID(), crypto.randomUUID()]
  await bob.rest.call('POST', path, { id: quoted, body: 'Nobody should have read this' })
  for (let at = 0; at < 55; at += 1) await sayQuietly(bob, conversation, `Line ${at}`)
  await bob.rest.call('POST', path, { id: answer, body: 'As I said', reply_to: quoted })
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, alice)
  const asked = await holdAnswer(page, `**${path}/${quoted}`)
  await open(page, bob.username)
  await asked.held
  await bob.rest.call('DELETE', `${path}/${quoted}`)
  const quote = message(page, 'As I said').locator('.quote')
  await quote.getByText('This message was deleted.').waitFor()
  await asked.letGo()
  assert.equal(await page.getByText('Nobody should have read this').count(), 0)
  await quote.getByText('This message was deleted.').waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('who has left a group stays where they went meanwhile', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const elsewhere = await befriend(alice, bob)
  await bob.rest.call('POST', '/api/v1/conversations', { title: 'Soon left', members: [{ user: alice.username }] })
  const window = await openWindow(browser)
  const { page } = window
  // What the server says waits while it is held.
  let waiting: Array<() => void> | undefined
  await page.routeWebSocket(/\/ws\//, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((said) => (waiting ? waiting.push(() => socket.send(said)) : socket.send(said)))
  })
  await signIn(window, alice)
  await open(page, 'Soon left')
  await page.getByRole('button', { name: 'More about this conversation' }).click()
  await page.getByRole('menuitem', { name: 'Leave' }).click()
  waiting = []
  await page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click()
  await open(page, bob.username)
  const held = waiting
  waiting = undefined
  for (const go of held) go()
  await page.locator('.conversation-link', { hasText: 'Soon left' }).waitFor({ state: 'detached' })
  await painted(page)
  assert.equal(new URL(page.url()).pathname, `/conversations/${elsewhere}`)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('the members of a large group stay there when it changes', async () => {
  const [ada, ben, many] = [await person('ada'), await person('ben'), await crowd(50)]
  await ada.rest.call('POST', '/api/v1/conversations', { title: 'Crowd', members: [ben.id, ...many].map((user) => ({ user })) })
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, ada)
  await open(page, 'Crowd')
  await page.getByRole('button', { name: 'More about this conversation' }).click()
  await page.getByRole('menuitem', { name: 'About this group' }).click()
  const dialog = page.getByRole('dialog', { name: 'About this group' })
  const member = dialog.getByRole('listitem').filter({ hasText: ben.username })
  await member.getByText('Writes').waitFor()
  await member.getByRole('button', { name: /^More about/ }).click()
  await page.getByRole('menuitemradio', { name: 'Reads' }).click()
  await member.getByText('Reads').waitFor()
  assert.equal(await dialog.getByRole('listitem').filter({ hasText: 'crowd-' }).count(), many.length)
  assert.deepEqual(window.faults, [])
  await window.close()
})
