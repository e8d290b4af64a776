import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { checkAccess, openWindow, PHONE, shot, signIn, startBrowser } from './support/browser.js'
import { befriend, person, places } from './support/server.js'
import { composer, message, say } from './support/talking.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

test('two people in two windows talk, a third on a phone', async () => {
  const [ada, ben, cleo] = [await person('ada', 'Ada Lovelace'), await person('ben', 'Ben Okri'), await person('cleo', 'Cleo Martin')]
  await befriend(ada, ben)
  await befriend(ada, cleo)
  // As over plain HTTP, where pages have no clipboard.
  const first = () => Object.defineProperty(navigator, 'clipboard', { value: undefined })
  const [one, other, phone] = [await openWindow(browser), await openWindow(browser, { first }), await openWindow(browser, { viewport: PHONE, hasTouch: true, isMobile: true })]
  await signIn(one, ada)
  await signIn(other, ben)
  await signIn(phone, cleo)

  await one.page.getByRole('link', { name: /Ben Okri/ }).click()
  await other.page.getByRole('link', { name: /Ada Lovelace/ }).click()
  await say(one.page, 'Shall we play **tonight** at 8?')
  await message(other.page, 'Shall we play tonight').waitFor()
  assert.equal(await message(other.page, 'Shall we play').locator('strong', { hasText: 'tonight' }).count(), 1)

  // Typing shows, and goes with the message.
  await composer(other.page).pressSequentially('Ye')
  await one.page.getByText('Ben Okri is typing…').waitFor()
  await composer(other.page).fill('')
  await message(other.page, 'Shall we play').hover()
  await message(other.page, 'Shall we play').getByRole('button', { name: 'Reply' }).click()
  await say(other.page, 'Yes, after dinner')
  await message(one.page, 'Yes, after dinner').locator('.quote', { hasText: 'Shall we play' }).waitFor()
  await one.page.getByText('is typing…').waitFor({ state: 'hidden' })

  // What was read says so.
  await message(one.page, 'Shall we play').first().getByText('Read', { exact: true }).waitFor({ state: 'attached' })

  // Edit, react, delete.
  await composer(one.page).press('ArrowUp')
  await composer(one.page).fill('Shall we play tonight at 9?')
  await one.page.keyboard.press('Enter')
  await message(other.page, 'at 9?').getByText('edited').first().waitFor()
  await message(one.page, 'Yes, after dinner').hover()
  await message(one.page, 'Yes, after dinner').getByRole('button', { name: 'React' }).click()
  await one.page.getByRole('button', { name: '🎉' }).first().click()
  await message(other.page, 'Yes, after dinner').getByRole('button', { name: /🎉 1/ }).click()
  await message(one.page, 'Yes, after dinner').getByRole('button', { name: /🎉 2/ }).waitFor()
  await shot(one, 'conversation')
  await checkAccess(one, 'a conversation')
  await say(other.page, 'Oh, wrong window')
  await message(one.page, 'wrong window').waitFor()
  await message(other.page, 'Shall we play tonight').first().hover()
  await message(other.page, 'Shall we play tonight').first().getByRole('button', { name: 'More about this message' }).click()
  await other.page.getByRole('menuitem', { name: 'Copy text' }).click()
  await other.page.getByText('Copied', { exact: true }).waitFor()
  await composer(other.page).focus()
  await other.page.keyboard.press('ControlOrMeta+V')
  assert.equal(await composer(other.page).inputValue(), 'Shall we play tonight at 9?')
  await composer(other.page).fill('')
  await message(other.page, 'wrong window').hover()
  await message(other.page, 'wrong window').getByRole('button', { name: 'More about this message' }).click()
  await other.page.getByRole('menuitem', { name: 'Delete' }).click()
  await other.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await one.page.locator('.message').getByText('This message was deleted.').first().waitFor()
  assert.equal(await one.page.locator('.conversations').getByText('wrong window').count(), 0)

  // A group of all three.
  await one.page.getByRole('button', { name: 'New', exact: true }).click()
  await one.page.getByRole('menuitem', { name: 'New group' }).click()
  const dialog = one.page.getByRole('dialog', { name: 'New group' })
  await checkAccess(one, 'the dialog for a group')
  await dialog.getByLabel('Title').fill('Friday games')
  await dialog.getByLabel('Ben Okri').check()
  // Without a click on "Add": who is typed is meant.
  await dialog.getByLabel('People').fill(cleo.username)
  await dialog.getByRole('button', { name: 'Make group' }).click()
  await one.page.getByRole('heading', { name: 'Friday games' }).waitFor()
  // Who is mentioned is chosen from the members.
  await composer(one.page).pressSequentially('Welcome @Cle')
  await one.page.getByRole('option', { name: /Cleo Martin/ }).waitFor()
  await checkAccess(one, 'people to mention')
  await one.page.keyboard.press('Enter')
  assert.equal(await composer(one.page).inputValue(), `Welcome @${cleo.username} `)
  await one.page.keyboard.press('Enter')
  await checkAccess(phone, 'the list on a phone')
  await shot(phone, 'phone-list')
  await phone.page.getByRole('link', { name: /Friday games/ }).tap()
  await message(phone.page, 'Welcome').locator('.mention.me', { hasText: '@Cleo Martin' }).waitFor()
  assert.equal(await phone.page.evaluate(() => document.activeElement?.textContent?.trim()), 'Friday games', 'one is at what was opened')
  await composer(phone.page).fill('Hello from the train')
  await phone.page.getByRole('button', { name: 'Send' }).tap()
  await message(one.page, 'Hello from the train').waitFor()
  // All that may be done with a message can be done with a finger.
  const menu = async (text: string, item: string) => {
    await message(phone.page, text).getByRole('button', { name: 'More about this message' }).tap()
    await phone.page.getByRole('menuitem', { name: item }).tap()
  }
  await menu('Welcome @Cleo Martin', 'Reply')
  await composer(phone.page).pressSequentially('Thank you, I am late')
  await composer(phone.page).press('Enter')
  await composer(phone.page).pressSequentially('and hungry')
  await phone.page.getByRole('button', { name: 'Send' }).tap()
  await message(one.page, /late\s*and hungry/).locator('.quote', { hasText: 'Welcome' }).waitFor()
  await menu('I am late', 'Edit')
  await composer(phone.page).fill('Thank you, I am on time')
  await phone.page.getByRole('button', { name: 'Save' }).tap()
  await message(one.page, 'I am on time').getByText('edited').waitFor()
  await menu('Welcome @Cleo Martin', 'React')
  await phone.page.getByRole('dialog', { name: 'Emoji' }).getByRole('button', { name: '🎉' }).first().tap()
  await message(one.page, 'Welcome @Cleo Martin').getByRole('button', { name: /🎉 1/ }).waitFor()
  await menu('I am on time', 'Delete')
  await phone.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).tap()
  await one.page.locator('.message').getByText('This message was deleted.').first().waitFor()
  const small = await phone.page.locator('.conversation button:visible, .conversation a:visible').evaluateAll((all) => all.filter(({ isConnected }) => isConnected).map((one) => ({ name: one.getAttribute('aria-label') ?? one.textContent, ...one.getBoundingClientRect().toJSON() })).filter(({ width, height }) => Math.min(width, height) < 24))
  assert.deepEqual(small, [], 'all of it is large enough to be hit')
  await say(one.page, 'Until later')
  await message(one.page, 'Until later').getByText('Read by Cleo Martin').waitFor({ state: 'attached' })
  await shot(phone, 'phone-conversation')
  await checkAccess(phone, 'a conversation on a phone')
  await other.page.getByRole('link', { name: /Friday games.*\d unread messages/ }).waitFor()
  for (const window of [one, other, phone]) {
    assert.deepEqual(window.faults, [])
    await window.close()
  }
})

test('an invitation, a block and what the blocked one writes', async () => {
  const [dora, emil] = [await person('dora', 'Dora Blanc'), await person('emil', 'Emil Roth')]
  const [one, other] = [await openWindow(browser), await openWindow(browser)]
  await one.page.getByLabel('Stay signed in').check()
  await signIn(one, dora)
  await signIn(other, emil)
  await one.page.getByRole('button', { name: 'Invite a contact' }).click()
  const dialog = one.page.getByRole('dialog')
  await dialog.getByLabel('Their username').fill('nobody-of-that-name')
  await dialog.getByRole('button', { name: 'Send invitation' }).click()
  await dialog.getByRole('alert').waitFor()
  await dialog.getByLabel('Their username').fill(emil.username)
  await dialog.getByRole('button', { name: 'Send invitation' }).click()
  await one.page.getByText('Emil Roth is invited').waitFor()
  await other.page.getByRole('button', { name: 'Accept Dora Blanc' }).click()
  await composer(other.page).waitFor()
  await one.page.getByRole('link', { name: /Emil Roth/ }).click()
  await say(other.page, 'First')
  await message(one.page, 'First').waitFor()

  await one.page.getByRole('button', { name: 'More about this conversation' }).click()
  await one.page.getByRole('menuitem', { name: 'Block' }).click()
  await one.page.getByRole('dialog').getByRole('button', { name: 'Block' }).click()
  await one.page.getByText('You have blocked this person.').waitFor()
  await message(one.page, 'First').waitFor({ state: 'hidden' })
  await one.page.getByRole('button', { name: 'Unblock' }).click()
  await message(one.page, 'First').waitFor()
  await one.page.getByRole('button', { name: 'Tone' }).click()
  await one.page.getByRole('menuitemradio', { name: /joking/ }).click()
  await say(one.page, 'Back again')
  await message(other.page, 'Back again').getByText('/j', { exact: true }).waitFor()

  // What was begun is kept while one looks elsewhere, with all that belongs to it.
  await message(one.page, 'First').hover()
  await message(one.page, 'First').getByRole('button', { name: 'Reply' }).click()
  await one.page.getByRole('button', { name: 'Tone' }).click()
  await one.page.getByRole('menuitemradio', { name: /serious/ }).click()
  await composer(one.page).fill('I wanted to')
  await one.page.getByRole('button', { name: 'New', exact: true }).click()
  await one.page.getByRole('menuitem', { name: 'Contacts' }).click()
  await one.page.getByRole('dialog', { name: 'Contacts' }).getByText('Emil Roth').waitFor()
  await checkAccess(one, 'contacts')
  await one.page.keyboard.press('Escape')
  await one.page.getByRole('link', { name: 'Support' }).click()
  await one.page.getByRole('link', { name: 'Chats' }).click()
  await one.page.locator('.conversation-link', { hasText: 'I wanted to' }).click()
  const begun = async (page: Page) => {
    await page.getByText('Reply to Emil Roth: First').waitFor()
    await page.getByRole('button', { name: 'Without the tone serious' }).waitFor()
    assert.equal(await composer(page).inputValue(), 'I wanted to')
  }
  await begun(one.page)
  // Who stays signed in finds it when the tab was closed; who signs out leaves nothing.
  const later = await one.page.context().newPage()
  await one.page.close()
  await later.goto(places().url)
  await later.locator('.conversation-link', { hasText: 'I wanted to' }).click()
  await begun(later)
  await composer(later).press('Enter')
  await message(other.page, 'I wanted to').locator('.quote', { hasText: 'First' }).waitFor()
  await message(other.page, 'I wanted to').getByText('/srs', { exact: true }).waitFor()
  assert.equal(await later.evaluate(() => localStorage.getItem('palabre.drafts')), null)
  await composer(later).fill('For nobody else')
  assert.match((await later.evaluate(() => localStorage.getItem('palabre.drafts'))) ?? '', /For nobody else/)
  await say(other.page, 'For you alone')
  await later.getByRole('log').getByText('Emil Roth: For you alone').waitFor({ state: 'attached' })
  await later.getByRole('button', { name: /Your account/ }).click()
  await later.getByRole('button', { name: 'Sign out' }).click()
  await later.getByLabel('Password').waitFor()
  assert.equal(await later.evaluate(() => JSON.stringify([localStorage, sessionStorage]).includes('For nobody else')), false)
  assert.equal(await later.getByText('For you alone').count(), 0)
  for (const window of [one, other]) {
    assert.deepEqual(window.faults, [])
    await window.close()
  }
})
