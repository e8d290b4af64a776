import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { openWindow, signIn, startBrowser, type Window } from './support/browser.js'
import { befriend, person } from './support/server.js'
import { staff } from './support/staff.js'
import { composer, message, open, say } from './support/talking.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

/** Short enough for every field, and different in each, so that one knows which it was. */
const attack = (field: string) => `"><img src=x onerror=globalThis.hit='${field}'>`

/** Nothing of it ran or became part of the page, and the page's policy had nothing to forbid. */
async function isUnharmed({ page, faults }: Window): Promise<void> {
  const found = await page.evaluate(() => ({
    hit: (globalThis as { hit?: string }).hit,
    elements: [...document.querySelectorAll('img[src="x"], [onerror], script:not([src])')].map(({ outerHTML }) => outerHTML),
  }))
  assert.deepEqual(found, { hit: undefined, elements: [] })
  assert.deepEqual(faults, [])
}
const shows = (page: Page, field: string) => page.getByText(attack(field)).first().waitFor()
const choose = async (page: Page, menu: string, item: string) => {
  await page.getByRole('button', { name: menu, exact: true }).click()
  await page.getByRole('menuitem', { name: item }).click()
}

test('what is written into any field of who talks is only ever text', async () => {
  const [mia, max] = [await person('mia', attack('name')), await person('max', 'Max')]
  await befriend(mia, max)
  const [one, other] = [await openWindow(browser), await openWindow(browser)]
  const { page } = one
  const dialog = page.getByRole('dialog')
  for (const field of ['Project', 'Name', 'Password']) await page.getByLabel(field, { exact: true }).fill(attack(field))
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
  assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), attack('Name'))
  await signIn(one, mia)
  await signIn(other, max)

  // Who is invited, who is added, a title and another title.
  await choose(page, 'New', 'Invite a contact')
  await page.getByLabel('Their username').fill(attack('invited'))
  await page.getByRole('button', { name: 'Send invitation' }).click()
  await dialog.getByRole('alert').waitFor()
  await page.keyboard.press('Escape')
  await choose(page, 'New', 'New group')
  await dialog.getByLabel('Title').fill(attack('title'))
  await dialog.getByLabel('Max').check()
  await dialog.getByLabel('People', { exact: true }).fill(attack('added'))
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await shows(page, 'added')
  await page.getByRole('button', { name: 'Make group' }).click()
  await dialog.getByRole('alert').waitFor()
  await page.getByRole('button', { name: `Leave out ${attack('added')}` }).click()
  await page.getByRole('button', { name: 'Make group' }).click()
  await page.getByRole('heading', { name: attack('title') }).waitFor()
  await choose(page, 'More about this conversation', 'About this group')
  await dialog.getByLabel('Title').fill(attack('renamed'))
  await page.getByRole('button', { name: 'Save' }).click()
  await open(other.page, attack('renamed'))
  await other.page.getByRole('heading', { name: attack('renamed') }).waitFor()

  // A draft that one comes back to, an answer, the title of a link, a game, an emoji, somebody to mention.
  await say(other.page, `${attack('said')} [a link](https://elsewhere.example/ '${attack('link').replaceAll("'", '')}')`)
  await message(page, attack('said')).hover()
  await message(page, attack('said')).getByRole('button', { name: 'Reply' }).click()
  await page.locator('.composer-intent', { hasText: attack('said') }).waitFor()
  const link = message(page, attack('said')).getByRole('link')
  assert.equal(await link.getAttribute('title'), attack('link').replaceAll("'", ''))
  await say(page, 'An answer')
  await message(other.page, 'An answer').locator('.quote', { hasText: attack('said') }).waitFor()
  await choose(page, 'More about this conversation', 'Invite to a game')
  await dialog.getByLabel('Game').fill(attack('game'))
  await dialog.getByRole('button', { name: 'Invite', exact: true }).click()
  for (const window of [one, other]) await window.page.getByRole('region', { name: `Game: ${attack('game')}` }).waitFor()
  await other.page.getByText(`${attack('name')} invites`).waitFor()
  await page.getByRole('button', { name: 'Emoji', exact: true }).click()
  await page.keyboard.type(attack('emoji'))
  await page.keyboard.press('Escape')
  await composer(page).pressSequentially('@"><img')
  await composer(page).fill(attack('draft'))
  await page.getByRole('searchbox', { name: 'Search' }).fill(attack('searched'))
  await page.getByText('Nothing found.').waitFor()
  await page.getByRole('searchbox', { name: 'Search' }).fill('')
  await open(page, 'Max')
  await page.locator('.conversation-link', { hasText: attack('draft') }).click()
  await page.waitForFunction((text) => document.querySelector<HTMLTextAreaElement>('.composer textarea')?.value === text, attack('draft'))
  for (const window of [one, other]) {
    await isUnharmed(window)
    await window.close()
  }
})

test('what is written into any field of the support desk is only ever text', async () => {
  const [mia, carol] = [await person('mia', attack('name')), await staff('agent', 'carol')]
  const [customer, agent] = [await openWindow(browser), await openWindow(browser)]
  await signIn(customer, mia)
  await signIn(agent, carol)
  for (const { page } of [customer, agent]) await page.getByRole('link', { name: 'Support' }).click()
  await customer.page.getByRole('button', { name: 'Ask for support' }).click()
  await customer.page.getByLabel('What is it about?').fill(attack('subject'))
  await customer.page.getByLabel('Message', { exact: true }).fill(attack('message'))
  await customer.page.getByRole('dialog').getByRole('button', { name: 'Send' }).click()
  await customer.page.getByRole('heading', { name: attack('subject') }).waitFor()
  await agent.page.getByRole('button', { name: 'All' }).click()
  await agent.page.getByRole('link', { name: attack('subject') }).click()
  await agent.page.getByRole('button', { name: 'Take', exact: true }).click()
  await message(agent.page, attack('message')).waitFor()
  assert.ok((await agent.page.title()).includes(attack('subject')))

  await agent.page.getByLabel('New note').fill(attack('note'))
  await agent.page.getByRole('button', { name: 'Add the note' }).click()
  await agent.page.locator('.support-notes', { hasText: attack('note') }).waitFor()
  await agent.page.getByLabel('New tag').fill(attack('tag'))
  await agent.page.getByLabel('New tag').press('Enter')
  await agent.page.getByRole('button', { name: `Remove the tag ${attack('tag')}` }).waitFor()
  await agent.page.getByText('What happened').click()
  await agent.page.locator('.support-audit', { hasText: attack('tag') }).waitFor()
  await choose(agent.page, 'Canned answers', 'anned answers…')
  const canned = agent.page.getByRole('dialog', { name: 'Canned answers' })
  await canned.getByLabel('Name').fill(attack('canned'))
  await canned.getByLabel('Text').fill(attack('text'))
  await canned.getByRole('button', { name: 'Save' }).click()
  await canned.getByRole('button', { name: `Change ${attack('canned')}` }).click()
  await canned.getByRole('heading', { name: `Change ${attack('canned')}` }).waitFor()
  await canned.getByRole('button', { name: `${attack('canned')} ${attack('text')}`, exact: true }).click()
  assert.equal(await composer(agent.page).inputValue(), attack('text'))
  await composer(agent.page).press('Enter')
  await message(customer.page, attack('text')).waitFor()
  await agent.page.getByRole('searchbox').fill(attack('searched'))
  await agent.page.getByRole('searchbox').press('Enter')
  await agent.page.getByText('Nothing was found.').waitFor()

  await customer.page.getByRole('button', { name: 'More actions' }).click()
  const [file] = await Promise.all([customer.page.waitForEvent('download'), customer.page.getByRole('menuitem', { name: 'Transcript' }).click()])
  assert.match(file.suggestedFilename(), /\.txt$/)
  assert.ok((await readFile(await file.path(), 'utf8')).includes(`${attack('name')}: ${attack('message')}`))
  await agent.page.getByRole('button', { name: 'Resolve' }).click()
  await customer.page.getByRole('radio', { name: '5 stars' }).check({ force: true })
  await customer.page.getByLabel('Anything to add?').fill(attack('rating'))
  await customer.page.getByRole('button', { name: 'Send the rating' }).click()
  await agent.page.locator('.support-comment', { hasText: attack('rating') }).waitFor()
  for (const window of [customer, agent]) {
    await isUnharmed(window)
    await window.close()
  }
})
