import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { checkAccess, openWindow, shot, signIn, startBrowser } from './support/browser.js'
import { person } from './support/server.js'

let browser: Browser
before(async () => (browser = await startBrowser()))
after(() => browser.close())

test('demo users are one click away', async () => {
  const window = await openWindow(browser)
  await window.page.getByRole('button', { name: 'alice' }).waitFor()
  await checkAccess(window, 'sign in')
  await shot(window, 'sign-in')
  await window.page.getByRole('button', { name: 'alice' }).click()
  await window.page.getByRole('navigation', { name: 'Main' }).waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('a token is only in the local storage of who asked to stay', async () => {
  const who = await person('stay')
  const window = await openWindow(browser)
  await signIn(window, who)
  assert.equal(await window.page.evaluate(() => JSON.stringify(localStorage).includes('token')), false)
  await window.page.reload()
  await window.page.getByRole('navigation', { name: 'Main' }).waitFor()
  await window.page.getByRole('button', { name: /Your account/ }).click()
  await window.page.getByRole('button', { name: 'Sign out' }).click()
  assert.equal(await window.page.getByLabel('Project').inputValue(), 'tests')
  await window.page.getByLabel('Stay signed in').check()
  await signIn(window, who)
  assert.equal(await window.page.evaluate(() => JSON.stringify(localStorage).includes('token')), true)
  assert.equal(await window.page.evaluate(() => JSON.stringify(sessionStorage).includes('token')), false)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('a wrong password is told', async () => {
  const who = await person('wrong')
  const window = await openWindow(browser)
  await window.page.getByLabel('Project').fill('tests')
  await window.page.getByLabel('Name', { exact: true }).fill(who.username)
  await window.page.getByLabel('Password').fill('something else')
  await window.page.getByRole('button', { name: 'Sign in' }).click()
  await window.page.getByRole('alert').getByText('do not belong together').waitFor()
  // One is where it is mended, and hears why.
  const field = window.page.getByLabel('Password')
  assert.equal(await field.evaluate((input) => input === document.activeElement), true)
  assert.match(await field.evaluate((input) => document.getElementById(input.getAttribute('aria-describedby') ?? '')?.textContent ?? ''), /do not belong together/)
  await checkAccess(window, 'sign in with a wrong password')
  await shot(window, 'sign-in-wrong')
  // What is no field's is read where it is told.
  await window.page.route('**/auth/login', (route) => route.abort())
  await window.page.getByRole('button', { name: 'Sign in' }).click()
  await window.page.getByRole('alert').and(window.page.locator(':focus')).getByText('The server was not reached.').waitFor()
  assert.equal(await field.getAttribute('aria-invalid'), null)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('a browser that stores nothing shows the page all the same', async () => {
  const who = await person('nowhere', 'Noa')
  const window = await openWindow(browser, {
    first: () => {
      for (const name of ['localStorage', 'sessionStorage']) {
        Object.defineProperty(globalThis, name, {
          get() {
            throw new DOMException('not here', 'SecurityError')
          },
        })
      }
    },
  })
  const { page } = window
  await page.getByLabel('Stay signed in').check()
  await signIn(window, who)
  await page.getByRole('button', { name: /Your account/ }).click()
  await page.getByLabel('Appearance').selectOption('Dark')
  await page.getByLabel('Language').selectOption('Français')
  await page.getByRole('button', { name: 'Se déconnecter' }).click()
  await page.getByRole('button', { name: 'Se connecter' }).waitFor()
  assert.equal(await page.getAttribute('html', 'data-theme'), 'dark')
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('all of it is there in French', async () => {
  const window = await openWindow(browser, { locale: 'fr-FR' })
  await window.page.getByRole('button', { name: 'Se connecter' }).waitFor()
  assert.equal(await window.page.getAttribute('html', 'lang'), 'fr')
  await window.close()
})

test('appearance, language and status are kept', async () => {
  const who = await person('keep', 'Kim')
  const window = await openWindow(browser)
  const { page } = window
  await signIn(window, who)
  await page.getByRole('button', { name: /Your account/ }).click()
  await page.getByLabel('Status').selectOption('Busy')
  await page.getByLabel('Appearance').selectOption('Dark')
  await page.getByLabel('Language').selectOption('Français')
  await page.getByRole('button', { name: 'Enregistrer' }).click()
  await page.getByRole('button', { name: /Votre compte.*Kim/ }).getByText('Occupé').waitFor({ state: 'attached' })
  await page.reload()
  await page.getByRole('heading', { name: 'Conversations' }).first().waitFor()
  assert.deepEqual(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset['theme'], getComputedStyle(document.body).backgroundColor]), ['fr', 'dark', 'rgb(22, 24, 29)'])
  await page.getByText('Pas encore de conversation.').waitFor()
  // What the server says is wrong, it says in English.
  await page.getByRole('button', { name: 'Nouveau', exact: true }).click()
  await page.getByRole('menuitem', { name: 'Inviter un contact' }).click()
  await page.getByRole('dialog').getByRole('textbox').fill(who.username)
  await page.getByRole('dialog').getByRole('button', { name: 'Envoyer' }).click()
  assert.equal(await page.getByRole('dialog').getByRole('alert').textContent(), 'Cela n’a pas été compris.')
  await page.keyboard.press('Escape')
  await shot(window, 'french')
  await checkAccess(window, 'an empty list, in French')
  assert.deepEqual(window.faults, [])
  await window.close()
})
