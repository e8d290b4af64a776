import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { checkAccess, openWindow, PHONE, shot, startBrowser } from './support/browser.js'
import { ask, openDesk } from './support/desk.js'
import { startProxy } from '../../client/test/support/proxy.js'
import { person, places } from './support/server.js'
import { staff } from './support/staff.js'

let browser: Browser
before(async () => (browser = await startBrowser()))
after(() => browser.close())

test('the assistant answers until a person takes over', async () => {
  // The demo's project has an assistant.
  const demo = async (username: string, password: string) => {
    const window = await openWindow(browser)
    await window.page.getByLabel('Name', { exact: true }).fill(username)
    await window.page.getByLabel('Password').fill(password)
    await window.page.getByRole('button', { name: 'Sign in' }).click()
    await window.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Support' }).click()
    return window
  }
  const customer = await demo('alice', 'alice123')
  await customer.page.getByRole('button', { name: 'Ask for support' }).click()
  const dialog = customer.page.getByRole('dialog', { name: 'Ask for support' })
  await dialog.getByLabel('What is it about?').fill('A word with a machine')
  await dialog.getByLabel('Message', { exact: true }).fill('Are you a person?')
  await dialog.getByLabel('Let the assistant answer').check()
  await dialog.getByRole('button', { name: 'Send' }).click()
  const said = customer.page.getByRole('region', { name: 'Messages' })
  await said.getByText('Are you a person?').waitFor()
  await customer.page.getByRole('region', { name: 'Who answers' }).waitFor()
  await checkAccess(customer, 'a bot at the desk')
  await shot(customer, 'support-bot')
  const agent = await demo('carol', 'carol123')
  await agent.page.getByRole('link', { name: /A word with a machine/ }).click()
  await agent.page.getByRole('button', { name: 'Take', exact: true }).click()
  await agent.page.getByLabel(/^Write to/).fill('Now you talk with me')
  await agent.page.getByLabel(/^Write to/).press('Enter')
  await said.getByText('Now you talk with me').waitFor()
  await customer.page.getByRole('region', { name: 'Who answers' }).waitFor({ state: 'detached' })
  await agent.page.getByRole('button', { name: 'Resolve' }).click()
  await customer.page.getByText('How did it go?').waitFor()
  for (const window of [customer, agent]) {
    assert.deepEqual(window.faults, [])
    await window.close()
  }
})

test('what happened during a break is seen after it', async () => {
  const [alice, carol] = [await person('away'), await staff('agent', 'carol')]
  const request = await ask(alice, 'Meanwhile', 'LOW')
  const proxy = await startProxy(places().port)
  const customer = await openDesk(browser, alice, { url: proxy.url })
  await customer.page.getByRole('link', { name: /Meanwhile/ }).click()
  await customer.page.getByText(/in the queue|You are next/).waitFor()
  proxy.close()
  proxy.cut()
  await customer.page.getByText('What you write is kept and sent later.').first().waitFor()
  await carol.rest.call('POST', `/api/v1/support/requests/${request.id}/take`)
  const { items } = await carol.rest.call<{ items: Array<{ conversation: string }> }>('GET', `/api/v1/support/requests/${request.id}/sessions`)
  await carol.rest.call('POST', `/api/v1/conversations/${items[0]?.conversation}/messages`, { id: crypto.randomUUID(), body: 'Are you there?' })
  await carol.rest.call('POST', `/api/v1/support/requests/${request.id}/resolve`)
  proxy.open()
  await customer.page.getByRole('button', { name: 'Try now' }).click({ timeout: 2_000 }).catch(() => undefined)
  await customer.page.getByText('How did it go?').waitFor()
  await customer.page.getByRole('region', { name: 'Messages' }).getByText('Are you there?').waitFor()
  await customer.page.getByText('This talk was ended.').waitFor()
  assert.deepEqual(customer.faults, [])
  await customer.close()
  await proxy.stop()
})

test('a phone shows the list or the request, in French too, by the keyboard alone', async () => {
  const alice = await person('phone')
  const window = await openWindow(browser, { viewport: PHONE, locale: 'fr-FR' })
  const { page } = window
  await page.getByLabel('Projet').fill('tests')
  await page.getByLabel('Nom', { exact: true }).fill(alice.username)
  await page.getByLabel('Mot de passe').fill(alice.password)
  await page.getByLabel('Mot de passe').press('Enter')
  await page.getByRole('link', { name: 'Assistance' }).press('Enter')
  await page.getByRole('button', { name: 'Demander de l’aide' }).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.type('Une roue est crevée')
  await page.keyboard.press('Enter')
  await page.getByText(/dans la file|bientôt votre tour/).waitFor()
  await page.getByLabel(/^Écrire à/).focus()
  await page.keyboard.type('La roue arrière')
  await page.keyboard.press('Enter')
  await page.getByRole('region', { name: 'Messages' }).getByText('La roue arrière').waitFor()
  await checkAccess(window, 'a request on a phone')
  await shot(window, 'support-phone')
  assert.equal(await page.getByRole('button', { name: 'Demander de l’aide' }).isVisible(), false)
  // There is one way into it, and one back: the browser's own leads on from there.
  const length = await page.evaluate(() => history.length)
  await page.getByRole('button', { name: 'Retour' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Demander de l’aide' }).waitFor()
  assert.equal(await page.evaluate(() => history.length), length)
  await page.goForward()
  await page.getByText(/Client\u00a0: |Agent\u00a0: /).waitFor()
  await page.goBack()
  await page.getByRole('link', { name: /Une roue est crevée/ }).waitFor()
  await checkAccess(window, 'the list on a phone')
  await shot(window, 'support-phone-list')
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= PHONE.width)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('an agent’s phone has the queue, the talk, and what agents know, one at a time', async () => {
  const [alice, carol] = [await person('alice'), await staff('agent', 'carol')]
  await ask(alice, 'On the way')
  const window = await openWindow(browser, { viewport: PHONE, locale: 'fr-FR' })
  const { page } = window
  await page.getByLabel('Projet').fill('tests')
  await page.getByLabel('Nom', { exact: true }).fill(carol.username)
  await page.getByLabel('Mot de passe').fill(carol.password)
  await page.getByLabel('Mot de passe').press('Enter')
  await page.getByRole('link', { name: 'Assistance' }).click()
  await page.getByRole('link', { name: /On the way/ }).waitFor()
  await checkAccess(window, 'the queue on a phone')
  await shot(window, 'support-phone-queue')
  await page.getByRole('link', { name: /On the way/ }).click()
  await page.getByRole('button', { name: 'Prendre', exact: true }).click()
  await page.getByRole('region', { name: 'Messages' }).getByText('About On the way').waitFor()
  const send = await page.getByRole('button', { name: 'Envoyer', exact: true }).boundingBox()
  assert.ok(send && send.x + send.width <= PHONE.width)
  const [status, resolve] = [await page.locator('.support-bar .support-chip').last().boundingBox(), await page.getByRole('button', { name: 'Résoudre' }).boundingBox()]
  assert.ok(status && resolve && (status.x + status.width <= resolve.x || status.y + status.height <= resolve.y), 'nothing lies over another')
  await checkAccess(window, 'the talk on a phone')
  await shot(window, 'support-phone-agent')
  await page.getByRole('button', { name: 'Détails' }).click()
  await page.getByLabel('Nouvelle note').waitFor()
  assert.equal(await page.getByRole('region', { name: 'Messages' }).isVisible(), false)
  await checkAccess(window, 'details on a phone')
  await shot(window, 'support-phone-details')
  await page.getByRole('button', { name: 'Détails' }).click()
  await page.getByRole('region', { name: 'Messages' }).getByText('About On the way').waitFor()
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= PHONE.width)
  assert.deepEqual(window.faults, [])
  await window.close()
})
