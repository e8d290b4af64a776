/** What one does about others, and what they see of it while it happens. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Locator, Page } from 'playwright-core'
import { openWindow, PHONE, shot, signIn, startBrowser, type Window } from './support/browser.js'
import { befriend, person, places, type Person } from './support/server.js'
import { composer, message, open, sayQuietly } from './support/talking.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

const enter = async (who: Person, options: Parameters<typeof openWindow>[1] = {}): Promise<Window> => {
  const window = await openWindow(browser, options)
  await signIn(window, who)
  return window
}
const end = async (...windows: Window[]) => {
  for (const window of windows) {
    assert.deepEqual(window.faults, [])
    await window.close()
  }
}
/** What is in the menu about somebody or something is chosen. */
const choose = async (page: Page, about: string, item: string, role: 'menuitem' | 'menuitemradio' = 'menuitem') => {
  await page.getByRole('button', { name: `More about ${about}` }).click()
  await page.getByRole(role, { name: item }).click()
}
const invite = (who: Person, whom: Person) => who.rest.call('POST', '/api/v1/contacts', { user: whom.id, action: 'invite' })
const confirm = (page: Page, question: string, action: string) => page.getByRole('dialog', { name: question }).getByRole('button', { name: action }).click()
const gone = (what: Locator) => what.waitFor({ state: 'hidden' })

test('an invitation is declined, one is taken back, and a contact is removed', async () => {
  const [ada, ben] = [await person('ada', 'Ada Lovelace'), await person('ben', 'Ben Okri')]
  const [one, other] = [await enter(ada), await enter(ben)]
  await one.page.getByRole('button', { name: 'New', exact: true }).click()
  await one.page.getByRole('menuitem', { name: 'Contacts' }).click()
  const contacts = one.page.getByRole('dialog', { name: 'Contacts' })
  const request = other.page.getByRole('listitem').filter({ hasText: 'would like to talk with you' })
  await contacts.getByText('No contacts yet.').waitFor()

  await invite(ada, ben)
  await contacts.getByText('Invited').waitFor()
  await shot(one, 'people-invited')
  await choose(other.page, 'Ada Lovelace', 'Decline')
  await gone(request)
  await contacts.getByText('No contacts yet.').waitFor()

  await invite(ada, ben)
  await request.waitFor()
  await choose(one.page, 'Ben Okri', 'Take invitation back')
  await contacts.getByText('No contacts yet.').waitFor()
  await gone(request)

  await befriend(ada, ben)
  await open(other.page, 'Ada Lovelace')
  await composer(other.page).waitFor()
  await choose(one.page, 'Ben Okri', 'Remove contact')
  await shot(one, 'people-remove')
  await confirm(one.page, 'Remove Ben Okri from your contacts?', 'Remove contact')
  await contacts.getByText('No contacts yet.').waitFor()
  await other.page.getByText('You and Ada Lovelace are no longer contacts.').waitFor()
  await gone(composer(other.page))
  await shot(other, 'people-removed')
  await one.page.keyboard.press('Escape')
  await open(one.page, 'Ben Okri')
  // How the other is they are not told any more: not even that they are offline.
  for (const { page } of [one, other]) await gone(page.locator('.conversation-head .presence'))
  // Either may ask again where they talked, and the other answer there.
  await one.page.getByRole('button', { name: 'Invite', exact: true }).click()
  await one.page.getByText('Ben Okri is invited.').waitFor()
  const again = other.page.locator('.composer-closed')
  await again.getByText('Ada Lovelace would like to talk with you again.').waitFor()
  await shot(other, 'people-again')
  await again.getByRole('button', { name: 'Accept' }).click()
  for (const { page } of [one, other]) await composer(page).waitFor()
  await gone(request)

  // Whom one does not want to hear of at all is blocked only when that is confirmed.
  await ada.rest.call('POST', '/api/v1/contacts', { user: ben.id, action: 'remove' })
  await invite(ada, ben)
  await choose(other.page, 'Ada Lovelace', 'Block')
  await confirm(other.page, 'Block Ada Lovelace?', 'Block')
  await gone(request)
  await other.page.getByText('You have blocked this person.').waitFor()
  await one.page.getByText('Ben Okri is invited.').waitFor()
  await end(one, other)
})

test('what members may do is changed, and they are removed; the last owner stays or deletes the group', async () => {
  const name = 'jeanbaptistedelarochefoucauld@montmorencyassurances'
  const [ada, ben, cleo] = [await person('ada', 'Ada Lovelace'), await person('ben', name), await person('cleo', 'Cleo Martin')]
  const { id } = await ada.rest.call<{ id: string }>('POST', '/api/v1/conversations', { title: `Tournament${'ofallgames'.repeat(8)}`, members: [{ user: ben.id }, { user: cleo.id }] })
  await sayQuietly(ben, id, `Who is in? ${'I am. '.repeat(20)}`)
  const windows = [await enter(ada), await enter(ben), await enter(cleo, { viewport: PHONE })] as const
  const [one, other, phone] = windows.map(({ page }) => page) as [Page, Page, Page]
  const about = (page: Page) => page.getByRole('dialog', { name: 'About this group' })
  const member = (page: Page, name: string) => about(page).getByRole('listitem').filter({ hasText: name })
  for (const page of [one, other, phone]) await open(page, 'Tournament')
  await message(phone, 'Who is in?').waitFor()
  for (const page of [one, phone]) await choose(page, 'this conversation', 'About this group')
  await member(phone, name).waitFor()
  await shot(windows[2], 'people-long-names-phone')
  const beyond = () =>
    [...document.querySelectorAll('.bubble, .dialog-body')].filter((one) => one.getBoundingClientRect().right > innerWidth || one.scrollWidth > one.clientWidth).map(({ className }) => className)
  assert.deepEqual(await phone.evaluate(beyond), [], 'names and titles without spaces leave all within reach')

  // Each sees at once what they may do now, and the others see it of them.
  await choose(one, name, 'Reads', 'menuitemradio')
  await other.getByText('You may read here').waitFor()
  for (const page of [one, phone]) await member(page, name).getByText('Reads').waitFor()
  assert.equal(await one.evaluate(() => document.activeElement?.getAttribute('aria-label')), `More about ${name}`, 'one stays where one was')
  await shot(windows[0], 'people-reads')
  await choose(one, name, 'Administers', 'menuitemradio')
  await composer(other).waitFor()
  await choose(other, 'this conversation', 'About this group')
  await about(other).getByLabel('Title').waitFor()
  await member(other, 'Ada Lovelace').getByText('Owns').waitFor()
  assert.equal(await member(other, 'Ada Lovelace').getByRole('button').count(), 0)

  // It has a title, and one that another changes meanwhile is not changed back.
  await one.getByLabel('Title').fill('   ')
  await one.getByRole('button', { name: 'Save' }).click()
  await about(one).getByText('A group needs a title.').waitFor()
  await one.getByLabel('Title').fill('Summer tournament')
  await one.getByRole('button', { name: 'Save' }).click()
  await gone(about(one))
  await choose(one, 'this conversation', 'About this group')
  await other.waitForFunction(() => [...document.querySelectorAll('input')].some(({ value }) => value === 'Summer tournament'))

  await choose(other, 'Cleo Martin', 'Remove from the group')
  await shot(windows[1], 'people-remove-member')
  await confirm(other, 'Remove Cleo Martin from the group?', 'Remove from the group')
  for (const page of [one, other]) {
    await gone(member(page, 'Cleo Martin'))
    await about(page).getByRole('heading', { name: '2 members' }).waitFor()
  }
  await gone(about(phone))
  await phone.getByText('This conversation is not there').waitFor()
  await shot(windows[2], 'people-gone-phone')
  await phone.getByRole('link', { name: 'Conversations' }).click()
  await phone.getByText('No conversations yet').waitFor()

  // Who owns it alone is told what to do first.
  await one.keyboard.press('Escape')
  const leave = async (page: Page) => {
    await choose(page, 'this conversation', 'Leave the group')
    await confirm(page, 'Leave Summer tournament?', 'Leave the group')
  }
  await leave(one)
  await one.getByText('A group needs an owner.').waitFor()
  await shot(windows[0], 'people-last-owner')
  await choose(one, 'this conversation', 'About this group')
  await choose(one, name, 'Owns', 'menuitemradio')
  await member(one, name).getByText('Owns').waitFor()
  await one.keyboard.press('Escape')
  await leave(one)
  await one.getByText('No conversations yet').waitFor()
  await one.waitForURL(`${places().url}/conversations`)
  await gone(member(other, 'Ada Lovelace'))
  await shot(windows[1], 'people-alone')

  await about(other).getByLabel('People').fill(ada.username)
  await about(other).getByRole('button', { name: 'Save' }).click()
  await open(one, 'Tournament')
  await composer(one).waitFor()
  await choose(other, 'this conversation', 'Delete the group')
  await confirm(other, 'Delete Summer tournament?', 'Delete the group')
  await other.getByText('No conversations yet').waitFor()
  await one.getByText('This conversation is not there').waitFor()
  await shot(windows[0], 'people-deleted')
  await end(...windows)
})

test('in a large group people are mentioned as in a small one', async () => {
  const [ada, frida] = [await person('ada', 'Ada Lovelace'), await person('frida', 'Frida Holm')]
  const { id } = await ada.rest.call<{ id: string }>('POST', '/api/v1/conversations', { title: 'Everybody', members: [{ user: frida.id }] })
  const window = await openWindow(browser)
  const { page } = window
  // As if it had sixty members: so many are not told by themselves.
  await page.routeWebSocket(/\/ws/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((frame) => socket.send(String(frame).replace(/"member_count":2\b/g, '"member_count":60')))
  })
  await page.reload()
  await signIn(window, ada)
  await open(page, 'Everybody')
  await page.getByText('60 members').waitFor()
  await composer(page).pressSequentially('Here, @fri')
  await page.getByRole('option', { name: /Frida Holm/ }).waitFor()
  await composer(page).fill('')
  await sayQuietly(frida, id, `Are you there, @${ada.username}?`)
  await page.reload()
  await page.locator('.mention.me', { hasText: '@Ada Lovelace' }).waitFor()
  // Of so many nobody is told how far each has read.
  await choose(page, 'this conversation', 'About this group')
  const about = page.getByRole('dialog', { name: 'About this group' })
  await about.getByRole('listitem').filter({ hasText: 'Frida Holm' }).waitFor()
  await about.getByText('In groups of more than 50').waitFor()
  assert.equal(await page.locator('.readers').count(), 0)
  await shot(window, 'people-many')
  await end(window)
})
