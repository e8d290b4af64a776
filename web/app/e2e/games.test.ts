import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { createClient } from '@palabre/client'
import WebSocket from 'ws'
import { checkAccess, openWindow, PHONE, shot, signIn, startBrowser, type Window } from './support/browser.js'
import { befriend, person, places, PROJECT, type Person } from './support/server.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

async function open(who: Person, conversation: string, options: Parameters<typeof openWindow>[1] = {}): Promise<Window> {
  const window = await openWindow(browser, options)
  await signIn(window, who)
  await window.page.locator(`a[href$="${conversation}"]`).click()
  await window.page.locator('.composer textarea').waitFor()
  return window
}
const card = ({ page }: Window, name: string) => page.getByRole('region', { name: `Game: ${name}` })

/** Invites by the dialog. */
async function invite({ page }: Window, game: string, seats?: number): Promise<void> {
  await page.getByRole('button', { name: 'More about this conversation' }).click()
  await page.getByRole('menuitem', { name: 'Invite to a game' }).click()
  const dialog = page.getByRole('dialog', { name: 'Invite to a game' })
  await dialog.getByLabel('Game').fill(game)
  if (seats !== undefined) await dialog.getByLabel('Seats beside yours').fill(String(seats))
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click()
  await dialog.waitFor({ state: 'detached' })
}

/** Invites as a program would: with a payload, and for as long as it likes. */
async function inviteBySocket(who: Person, conversation: string, game: string, payload: Record<string, string>, ms: number): Promise<void> {
  const { token } = await who.rest.login({ project: PROJECT, username: who.username, password: who.password })
  const client = createClient({ url: places().url, project: PROJECT, token, WebSocket: WebSocket as never })
  await client.connect()
  await client.request('message.game', { conversation, id: randomUUID(), game, payload, expires_at: new Date(Date.now() + ms).toISOString() })
  await client.close()
}

test('an invitation for two is accepted', async () => {
  const [alice, bob] = [await person('alice', 'Alice'), await person('bob', 'Bob')]
  const conversation = await befriend(alice, bob)
  const [one, other] = [await open(alice, conversation), await open(bob, conversation, { viewport: PHONE })]
  await one.page.getByRole('button', { name: 'More about this conversation' }).click()
  await one.page.getByRole('menuitem', { name: 'Invite to a game' }).click()
  await one.page.getByRole('dialog').waitFor()
  // What is sent is what is seen.
  assert.equal(await one.page.getByLabel('Open for').inputValue(), '60')
  await shot(one, 'invite-dialog')
  await checkAccess(one, 'the dialog of an invitation')
  await one.page.keyboard.press('Escape')
  await invite(one, 'chess')
  await card(one, 'chess').getByText('You invite').waitFor()
  await card(one, 'chess').getByText('0 of 1 seat taken').waitFor()
  assert.match((await card(other, 'chess').getByRole('timer').textContent()) ?? '', /Ends in (1 h|59 min)/)
  await card(other, 'chess').getByText('Alice invites').waitFor()
  await shot(other, 'game-phone')
  await checkAccess(other, 'an invitation')
  await card(other, 'chess').getByRole('button', { name: 'Accept' }).click()
  for (const window of [one, other]) {
    await card(window, 'chess').getByText('Accepted').waitFor()
    await card(window, 'chess').getByText('1 of 1 seat taken').waitFor()
    assert.equal(await card(window, 'chess').getByRole('button').count(), 0)
    assert.equal(await card(window, 'chess').getByRole('timer').count(), 0)
  }
  await invite(one, 'go')
  await card(other, 'go').getByRole('button', { name: 'Decline' }).click()
  await card(one, 'go').getByText('Declined', { exact: true }).waitFor()
  await invite(one, 'checkers')
  await card(other, 'checkers').waitFor()
  await card(one, 'checkers').getByRole('button', { name: 'Withdraw' }).click()
  await card(other, 'checkers').getByText('Withdrawn').waitFor()
  await shot(one, 'games')
  await checkAccess(one, 'invitations that are over')
  assert.deepEqual([one.faults, other.faults], [[], []])
  await Promise.all([one.close(), other.close()])
})

test('seats of a group fill, and may be given up', async () => {
  const [alice, bob, carol, dave] = [await person('alice'), await person('bob'), await person('carol'), await person('dave')]
  const { id } = await alice.rest.call<{ id: string }>('POST', '/api/v1/conversations', { title: 'Friday', members: [bob, carol, dave].map(({ username }) => ({ user: username })) })
  const [one, two, three] = [await open(alice, id), await open(bob, id), await open(carol, id)]
  await invite(one, 'poker', 2)
  await card(two, 'poker').getByRole('button', { name: 'Accept' }).click()
  await card(two, 'poker').getByText('You play').waitFor()
  await card(one, 'poker').getByText('1 of 2 seats taken').waitFor()
  await shot(three, 'seats')
  await card(two, 'poker').getByRole('button', { name: 'Give up my seat' }).click()
  await card(two, 'poker').getByText('You declined').waitFor()
  await card(one, 'poker').getByText('0 of 2 seats taken').waitFor()
  await card(one, 'poker').getByText(`Declined: ${bob.username}`).waitFor()
  await card(two, 'poker').getByRole('button', { name: 'Accept' }).click()
  await card(three, 'poker').getByRole('button', { name: 'Accept' }).click()
  for (const window of [one, two, three]) await card(window, 'poker').getByText('All seats are taken').waitFor()
  await checkAccess(three, 'a full table')
  for (const window of [one, two, three]) {
    assert.deepEqual(window.faults, [])
    await window.close()
  }
})

test('time runs out; what a program wrote into an invitation is only text', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await befriend(alice, bob)
  const window = await openWindow(browser)
  // By this device's clock there is much time left: what counts is the server's.
  await window.page.addInitScript(() => {
    const { now } = Date
    Date.now = () => now() - 600_000
  })
  await window.page.reload()
  await signIn(window, bob)
  await window.page.locator(`a[href$="${conversation}"]`).click()
  const attack = '<img src=x onerror="globalThis.hit=1">'
  await inviteBySocket(alice, conversation, attack, { table: attack, clock: '5+3' }, 4_000)
  const shown = card(window, attack)
  await shown.getByText('5+3').waitFor()
  await shown.getByRole('timer').getByText(/Ends in [1-4] s|Ending…/).waitFor()
  await shot(window, 'game-details')
  await shown.getByText('Expired').waitFor()
  assert.equal(await shown.getByRole('button').count(), 0)
  assert.equal(await window.page.evaluate(() => (globalThis as { hit?: number }).hit), undefined)
  assert.equal(await window.page.locator('.message img').count(), 0)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('in French, on a phone: an invitation, and a file', async () => {
  const [alice, bob] = [await person('alice'), await person('bob', 'Bob')]
  const conversation = await befriend(alice, bob)
  const window = await openWindow(browser, { viewport: PHONE })
  const { page } = window
  await signIn(window, alice)
  await page.evaluate(() => localStorage.setItem('palabre.language', 'fr'))
  await page.reload()
  await page.locator(`a[href$="${conversation}"]`).click()
  await page.locator('.conversation-head').getByRole('button').last().click()
  await page.getByRole('menuitem', { name: 'Inviter à un jeu' }).click()
  const dialog = page.getByRole('dialog', { name: 'Inviter à un jeu' })
  await dialog.getByLabel('Jeu').fill('pétanque')
  await dialog.getByLabel('Ouverte pendant').selectOption('Un jour')
  await dialog.getByRole('button', { name: 'Inviter', exact: true }).click()
  const card = page.getByRole('region', { name: 'Jeu : pétanque' })
  await card.getByText('Vous invitez').waitFor()
  await card.getByRole('timer').getByText(/Se termine dans (1 j|23 h)/).waitFor()
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Joindre des fichiers' }).click()])
  await chooser.setFiles([{ name: 'règles.txt', mimeType: 'text/plain', buffer: Buffer.from('La boule la plus proche gagne.') }])
  await page.getByRole('button', { name: 'Retirer règles.txt' }).waitFor()
  await page.getByText('30 o', { exact: true }).waitFor()
  await shot(window, 'french-phone')
  await checkAccess(window, 'an invitation and a file in French')
  assert.deepEqual(window.faults, [])
  await window.close()
})
