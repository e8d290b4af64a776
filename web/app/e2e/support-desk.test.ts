import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { checkAccess, shot, startBrowser, watchPage } from './support/browser.js'
import { ask, openDesk, type Request } from './support/desk.js'
import { holdAnswer } from './support/late.js'
import { person, type Person } from './support/server.js'
import { staff } from './support/staff.js'

let browser: Browser
before(async () => (browser = await startBrowser()))
after(() => browser.close())

const desk = (who: Person, options: Parameters<typeof openDesk>[2] = {}) => openDesk(browser, who, options)

/** Attack strings: none of them may run, nor be taken for markup. */
const ATTACK = `<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`

test('a request goes its whole way, from the question to the rating', async () => {
  const [alice, carol] = [await person('alice'), await staff('agent', 'carol')]
  const customer = await desk(alice)
  const agent = await desk(carol)
  await checkAccess(customer, 'no requests')
  await agent.page.getByLabel('I am').selectOption('available')
  await agent.page.getByText('Make yourself available').waitFor({ state: 'detached' })
  assert.equal((await carol.rest.call<{ status: string }>('GET', '/api/v1/support/agents/me')).status, 'available')
  await agent.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Chats' }).click()

  // The customer asks.
  await customer.page.getByRole('button', { name: 'Ask for support' }).click()
  const dialog = customer.page.getByRole('dialog', { name: 'Ask for support' })
  await dialog.getByLabel('What is it about?').fill('The car does not start')
  await dialog.getByLabel('How urgent is it?').selectOption('HIGH')
  await dialog.getByRole('radio', { name: /Contact form/ }).check()
  await checkAccess(customer, 'asking')
  await shot(customer, 'support-ask')
  await dialog.getByLabel('Message', { exact: true }).fill(`It stands in front of the station. ${ATTACK}`)
  // What is written is there again when it was closed.
  await customer.page.keyboard.press('Escape')
  await customer.page.getByRole('button', { name: 'Ask for support' }).click()
  assert.equal(await dialog.getByLabel('What is it about?').inputValue(), 'The car does not start')
  assert.equal(await dialog.getByRole('radio', { name: /Contact form/ }).isChecked(), true)
  // The server has it, but its answer is lost: it is not asked twice.
  await customer.page.route('**/api/v1/support/requests', (route) => route.fetch().then(() => route.abort()), { times: 1 })
  await dialog.getByRole('button', { name: 'Send' }).click()
  await dialog.getByText('The server was not reached.').waitFor()
  await dialog.getByRole('button', { name: 'Send' }).click()
  await customer.page.getByText('You are next').waitFor()
  assert.equal((await alice.rest.call<{ items: unknown[] }>('GET', '/api/v1/support/requests?whose=own')).items.length, 1)
  await customer.page.getByRole('region', { name: 'Messages' }).getByText('in front of the station').waitFor()
  await checkAccess(customer, 'waiting')
  await shot(customer, 'support-waiting')

  // The agent is told, wherever they are, and takes it. Others ask meanwhile in other tests.
  await agent.page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: /^Support \d+$/ }).click()
  assert.match(await agent.page.title(), /^Support/)
  await agent.page.getByRole('link', { name: /The car does not start/ }).click()
  await agent.page.getByText('only for the customer').waitFor()
  await agent.page.getByRole('button', { name: 'Take', exact: true }).click()
  const said = agent.page.getByRole('region', { name: 'Messages' })
  await said.getByText('in front of the station').waitFor()
  await customer.page.getByText('You are next').waitFor({ state: 'detached' })
  await customer.page.getByRole('region', { name: 'The car does not start' }).getByText('In progress').waitFor()

  // They talk.
  await agent.page.getByLabel(/^Write to/).fill('Is the battery charged?')
  await agent.page.getByLabel(/^Write to/).press('Enter')
  await customer.page.getByRole('region', { name: 'Messages' }).getByText('Is the battery charged?').waitFor()
  await customer.page.getByLabel(/^Write to/).pressSequentially('It was yesterday')
  await agent.page.getByText(`${alice.username} is typing`).waitFor()
  await customer.page.getByRole('button', { name: 'Send', exact: true }).click()
  await said.getByText('It was yesterday').waitFor()
  const main = customer.page.getByRole('navigation', { name: 'Main' })
  await main.getByRole('link', { name: 'Chats' }).click()
  await agent.page.getByLabel(/^Write to/).fill('How old is it?')
  await agent.page.getByLabel(/^Write to/).press('Enter')
  await main.getByRole('link', { name: 'Support 1' }).waitFor()
  assert.equal(await main.getByRole('link', { name: 'Chats', exact: true }).count(), 1, 'what is unread at the desk is counted there')
  assert.match(await customer.page.title(), /^\(1\) Conversations/)
  await customer.page.goBack()
  await customer.page.getByText('How old is it?').waitFor()
  await main.getByRole('link', { name: 'Support', exact: true }).waitFor()

  // What is answered is shown here when one asks for it.
  await customer.page.locator('.message', { hasText: 'Is the battery charged?' }).hover()
  await customer.page.locator('.message', { hasText: 'Is the battery charged?' }).getByRole('button', { name: 'Reply' }).click()
  await customer.page.getByLabel(/^Write to/).fill('As I said')
  await customer.page.getByLabel(/^Write to/).press('Enter')
  const here = customer.page.url()
  await customer.page.locator('.message', { hasText: 'As I said' }).getByRole('button', { name: /Is the battery charged/ }).click()
  await customer.page.locator('.message.marked', { hasText: 'Is the battery charged?' }).waitFor()
  assert.equal(customer.page.url(), here)

  // What only agents see.
  await agent.page.getByLabel('New note').fill('Has asked three times')
  await agent.page.getByRole('button', { name: 'Details' }).click()
  await agent.page.getByRole('button', { name: 'Details' }).click()
  await agent.page.getByRole('button', { name: 'Add the note' }).dblclick()
  await agent.page.getByRole('complementary', { name: 'Details' }).getByText('Has asked three times').waitFor()
  await agent.page.getByLabel('New tag').focus()
  await agent.page.keyboard.type('battery\nyesterday\nred\n')
  for (const tag of ['battery', 'yesterday', 'red']) await agent.page.getByRole('button', { name: `Remove the tag ${tag}` }).waitFor()
  assert.equal(await agent.page.locator('.support-notes li').count(), 1, 'a second click adds no second note')
  await agent.page.getByText('What happened').click()
  await agent.page.locator('.support-audit').getByText('Taken').waitFor()
  await checkAccess(agent, 'the agent’s side')
  await shot(agent, 'support-agent')

  // A canned answer.
  await agent.page.getByRole('button', { name: 'Canned answers' }).click()
  await agent.page.getByRole('menuitem', { name: 'Manage canned answers…' }).click()
  const canned = agent.page.getByRole('dialog', { name: 'Canned answers' })
  await canned.getByLabel('Name').fill('tow')
  await canned.getByLabel('Text').fill('We will have it towed.')
  await canned.getByRole('button', { name: 'Save' }).click()
  await canned.getByText('We will have it towed.').waitFor()
  await checkAccess(agent, 'canned answers')
  await canned.getByRole('button', { name: 'Close' }).click()
  await agent.page.getByRole('button', { name: 'Canned answers' }).click()
  await agent.page.getByRole('menuitem', { name: 'tow' }).click()
  assert.equal(await agent.page.getByLabel(/^Write to/).inputValue(), 'We will have it towed.')
  await agent.page.getByLabel(/^Write to/).press('Enter')
  await customer.page.getByRole('region', { name: 'Messages' }).getByText('We will have it towed.').waitFor()

  // More than a menu holds.
  await Promise.all(Array.from({ length: 10 }, (_, at) => carol.rest.call('POST', '/api/v1/support/canned', { name: `a ${at}`, body: `Text number ${at}` })))
  await carol.rest.call('POST', '/api/v1/support/canned', { name: 'zürich', body: 'We are open until six.' })
  await agent.page.getByRole('button', { name: 'Canned answers' }).click()
  await agent.page.getByRole('menuitem', { name: 'a 1' }).waitFor()
  await checkAccess(agent, 'the menu of canned answers')
  assert.equal(await agent.page.getByRole('menuitem', { name: 'zürich' }).count(), 0)
  await agent.page.getByRole('menuitem', { name: 'All canned answers…' }).click()
  await canned.getByRole('button', { name: 'zürich We are open' }).waitFor()
  // At once where one looks for it; accents and case don't matter, and Enter takes it.
  await agent.page.keyboard.type('ZURICH six')
  await canned.getByText('1 answer found').waitFor()
  await checkAccess(agent, 'a canned answer that is looked for')
  await shot(agent, 'support-canned-all')
  await agent.page.keyboard.press('Enter')
  await canned.waitFor({ state: 'detached' })
  assert.equal(await agent.page.getByLabel(/^Write to/).inputValue(), 'We are open until six.')
  await agent.page.getByLabel(/^Write to/).fill('')

  // The end, and what the customer says of it.
  await agent.page.getByRole('button', { name: 'Resolve' }).click()
  await customer.page.getByText('How did it go?').waitFor()
  await customer.page.getByText('This talk was ended.').waitFor()
  assert.equal(await customer.page.getByLabel(/^Write to/).count(), 0)
  await customer.page.getByRole('radio', { name: '4 stars' }).check({ force: true })
  await customer.page.getByLabel('Anything to add?').fill('Quick')
  await checkAccess(customer, 'rating')
  await shot(customer, 'support-rating')
  await customer.page.getByRole('button', { name: 'Send the rating' }).click()
  await customer.page.getByText('Thank you for your rating.').waitFor()
  await agent.page.getByRole('complementary', { name: 'Details' }).getByText('Quick').waitFor()
  assert.doesNotMatch(await customer.page.content(), /asked three times|battery<\/span>/)

  // Taken up again, by who had it: another talk.
  await agent.page.getByRole('button', { name: 'More actions' }).click()
  await agent.page.getByRole('menuitem', { name: 'Reopen' }).click()
  await customer.page.getByRole('button', { name: 'Talk again' }).click()
  await customer.page.getByLabel(/^Write to/).fill('It stands again')
  await customer.page.getByLabel(/^Write to/).press('Enter')
  await said.getByText('It stands again').waitFor()
  await customer.page.getByLabel('Talk', { exact: true }).waitFor()

  // What a search finds elsewhere is shown at the desk, also when it was said in an earlier talk; and so is the talk that an address names.
  await main.getByRole('link', { name: 'Chats' }).click()
  await customer.page.getByRole('searchbox', { name: 'Search' }).fill('charged')
  await customer.page.locator('.found', { hasText: 'Is the battery charged?' }).click()
  await customer.page.getByRole('region', { name: 'The car does not start' }).locator('.message.marked', { hasText: 'Is the battery charged?' }).waitFor()
  assert.equal(customer.page.url(), here)
  const { items: talks } = await alice.rest.call<{ items: Array<{ conversation: string }> }>('GET', `/api/v1/support/requests/${here.split('/').at(-1)}/sessions`)
  await customer.page.goto(new URL(`/conversations/${talks.at(-1)?.conversation}`, here).href)
  await customer.page.getByRole('region', { name: 'The car does not start' }).getByText('It stands again').waitFor()
  assert.equal(customer.page.url(), here)

  // Keys lead through the list, as they do among conversations.
  await main.getByRole('link', { name: /^Support/ }).click()
  await customer.page.getByText('Choose a request').waitFor()
  await customer.page.keyboard.press('Alt+ArrowDown')
  await customer.page.getByText('It stands again').waitFor()

  // The transcript is a file.
  const [file] = await Promise.all([
    customer.page.waitForEvent('download'),
    customer.page
      .getByRole('button', { name: 'More actions' })
      .click()
      .then(() => customer.page.getByRole('menuitem', { name: 'Transcript' }).click()),
  ])
  assert.match(await readFile(await file.path(), 'utf8'), new RegExp(`${alice.username}: It stands again`))

  // Found again by its words, with the field for them staying where it is.
  const timesTaken = await watchPage(agent)
  await agent.page.getByRole('searchbox').fill('yesterday')
  await agent.page.getByRole('searchbox').press('Enter')
  const hit = agent.page.getByRole('button', { name: /It was yesterday/ })
  await hit.waitFor()
  assert.equal(await agent.page.evaluate(() => document.activeElement?.matches('[type=search]')), true)
  await hit.click()
  await agent.page.getByRole('region', { name: 'The car does not start' }).waitFor()
  await agent.page.getByRole('button', { name: 'Clear the search' }).click()
  assert.equal(await timesTaken(), 0, 'a search does not take the page away')

  await agent.page.getByRole('button', { name: 'Resolve' }).click()
  await agent.page.getByRole('button', { name: 'Close the request' }).click()
  await customer.page.getByRole('region', { name: 'The car does not start' }).getByText('Closed').waitFor()
  for (const window of [customer, agent]) {
    assert.match(await window.page.title(), /Palabre$/)
    assert.deepEqual(window.faults, [])
    await window.close()
  }
})

test('of two agents who take at once one has it, and the other is told nicely', async () => {
  const [alice, carol, dan] = [await person('late'), await staff('agent', 'carol'), await staff('agent', 'dan')]
  const windows = [await desk(carol), await desk(dan)]
  await ask(alice, 'Two hands')
  for (const { page } of windows) {
    await page.getByLabel('I am').selectOption('busy')
    await page.getByRole('button', { name: 'Mine' }).click()
    await page.getByRole('button', { name: /^Queue/ }).click()
    await page.getByRole('link', { name: /Two hands/ }).click()
    await page.getByRole('button', { name: 'Take', exact: true }).waitFor()
  }
  await Promise.all(windows.map(({ page }) => page.getByRole('button', { name: 'Take', exact: true }).click()))
  const outcomes = await Promise.all(
    windows.map(({ page }) =>
      Promise.race([
        page.getByText('has taken it already').waitFor().then(() => 'late'),
        page.getByRole('button', { name: 'Resolve' }).waitFor().then(() => 'had'),
      ]),
    ),
  )
  assert.deepEqual(outcomes.toSorted(), ['had', 'late'])
  const [winner, loser] = outcomes[0] === 'had' ? windows : windows.toReversed()

  // Who has as many as they take at once is told that, and not that somebody was faster.
  await winner!.page.getByLabel('Capacity').fill('1')
  await Promise.all([
    winner!.page.waitForResponse((answer) => answer.request().method() === 'PUT' && answer.url().endsWith('/agents/me')),
    winner!.page.getByLabel('Capacity').press('Tab'),
  ])
  await ask(alice, 'One too many')
  await winner!.page.getByRole('button', { name: 'All' }).click()
  await winner!.page.getByRole('link', { name: /One too many/ }).click()
  await winner!.page.getByRole('button', { name: 'Take', exact: true }).click()
  await winner!.page.getByText('as many requests as you said').waitFor()

  // Passed on: it is the other's, and the first one reads no more of it.
  const second = outcomes[0] === 'had' ? dan : carol
  await winner!.page.getByRole('link', { name: /Two hands/ }).click()
  await winner!.page.getByRole('button', { name: 'More actions' }).click()
  await winner!.page.getByRole('menuitem', { name: 'Transfer…' }).click()
  const dialog = winner!.page.getByRole('dialog', { name: 'Transfer to' })
  await dialog.getByRole('radio', { name: new RegExp(second.username) }).check()
  await checkAccess(winner!, 'transfer')
  await dialog.getByRole('button', { name: 'Transfer' }).click()
  await winner!.page.getByText('only for the customer').waitFor()
  await loser!.page.getByRole('button', { name: 'Resolve' }).waitFor()
  await loser!.page.getByRole('region', { name: 'Messages' }).getByText('About Two hands').waitFor()
  for (const window of windows) {
    assert.deepEqual(window.faults, [])
    await window.close()
  }
})

/** Two who wait before all others, and who takes what waits; who waits after them may be another test's. */
async function twoWait(subjects: [string, string]) {
  const [first, second, carol] = [await person('first'), await person('second'), await staff('agent', 'carol')]
  const take = (request: Request) => carol.rest.call('POST', `/api/v1/support/requests/${request.id}/take`)
  await carol.rest.call('PUT', '/api/v1/support/agents/me', { status: 'busy', capacity: 100 })
  const { items } = await carol.rest.call<{ items: Request[] }>('GET', '/api/v1/support/queue?priority=HIGH')
  for (const request of items) await take(request)
  const before = await ask(first, subjects[0], 'HIGH')
  const window = await desk(second)
  const own = await ask(second, subjects[1], 'HIGH')
  await window.page.getByRole('link', { name: subjects[1] }).click()
  await window.page.getByText('You are number 2 in the queue').waitFor()
  return { window, before, own, take }
}

test('who waits is told their place as the queue moves', async () => {
  const { window, before, own, take } = await twoWait(['I was here before', 'And I after'])
  await shot(window, 'support-place')
  await take(before)
  await window.page.getByText('You are next').waitFor()
  await take(own)
  await window.page.getByRole('region', { name: 'And I after' }).getByText('In progress').waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('an answer that was long under way does not put back the place that was told meanwhile', async () => {
  const { window, before, own, take } = await twoWait(['I was here long before', 'And I long after'])
  const { page } = window
  const late = await holdAnswer(page, `**/api/v1/support/requests/${own.id}`)
  const main = page.getByRole('navigation', { name: 'Main' })
  await main.getByRole('link', { name: 'Chats' }).click()
  await main.getByRole('link', { name: 'Support' }).click()
  await page.getByRole('link', { name: 'And I long after' }).click()
  await late.held
  await take(before)
  await page.getByText('You are next').waitFor()
  await late.letGo()
  assert.equal(await page.getByText('You are next').count(), 1)
  await take(own)
  await page.getByRole('region', { name: 'And I long after' }).getByText('In progress').waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('another’s request is not there, and an administrator reads without taking part', async () => {
  const [alice, mallory, carol, root] = [await person('alice'), await person('mallory'), await staff('agent', 'carol'), await staff('admin', 'root')]
  const request = await ask(alice, 'Private matter')
  await carol.rest.call('POST', `/api/v1/support/requests/${request.id}/take`)
  // More requests since than a page has.
  for (const other of await Promise.all([1, 2, 3].map(() => person('other')))) for (let at = 0; at < 17; at += 1) await ask(other, `Another matter ${at}`, 'LOW')
  const stranger = await desk(mallory)
  await stranger.page.evaluate((path) => (history.pushState(null, '', path), dispatchEvent(new PopStateEvent('popstate'))), `/support/${request.id}`)
  await stranger.page.getByText('That is not there, or not for you.').waitFor()
  assert.doesNotMatch(await stranger.page.content(), /Private matter/)

  const admin = await desk(root)
  // What fails in passing is not taken for what is not there.
  const busy = { status: 503, contentType: 'application/problem+json', body: '{"code":"unavailable"}' }
  await admin.page.route('**/api/v1/support/requests/*', (route) => route.fulfill(busy), { times: 1 })
  await admin.page.evaluate((path) => (history.pushState(null, '', path), dispatchEvent(new PopStateEvent('popstate'))), `/support/${request.id}`)
  await admin.page.getByText('The server is busy. Try again soon.').waitFor()
  await admin.page.getByRole('button', { name: 'Try again' }).click()
  await admin.page.getByText('You read this as an administrator.').waitFor()
  await admin.page.clock.install()
  const whole = admin.page.getByRole('region', { name: 'Private matter' })
  const said = whole.getByRole('region', { name: 'What was said' })
  await admin.page.getByRole('searchbox').fill('"About Private matter"')
  await admin.page.getByRole('searchbox').press('Enter')
  await admin.page.getByRole('button', { name: /About Private matter/ }).first().waitFor()
  await checkAccess(admin, 'what was found')
  await shot(admin, 'support-found')
  await admin.page.getByRole('button', { name: /About Private matter/ }).first().click()
  await said.getByText('About Private matter').waitFor()
  await admin.page.getByRole('button', { name: 'Clear the search' }).click()
  await admin.page.getByRole('button', { name: 'All' }).click()
  await admin.page.getByLabel('Status').selectOption('IN_PROGRESS')
  await admin.page.getByRole('link', { name: /Private matter/ }).click()
  await admin.page.getByText('You read this as an administrator.').waitFor()
  assert.equal(await admin.page.getByLabel(/^Write to/).count(), 0)
  await checkAccess(admin, 'an administrator reads')
  // Nobody tells them: what is said since, changed since, and done since, is seen all the same.
  const { items } = await carol.rest.call<{ items: Array<{ conversation: string }> }>('GET', `/api/v1/support/requests/${request.id}/sessions`)
  const talk = `/api/v1/conversations/${items[0]?.conversation}/messages`
  const id = crypto.randomUUID()
  await carol.rest.call('POST', talk, { id, body: 'Which one is it?' })
  await said.getByText('Which one is it?').waitFor()
  await carol.rest.call('PATCH', `${talk}/${id}`, { body: 'Which of them is it?' })
  await carol.rest.call('PUT', `/api/v1/support/requests/${request.id}/tags`, { tags: ['urgent matter'] })
  await admin.page.clock.fastForward(60_000)
  await said.getByText('Which of them is it?').waitFor()
  await admin.page.getByRole('button', { name: 'Remove the tag urgent matter' }).waitFor()
  await admin.page.getByRole('button', { name: 'Resolve' }).click()
  await admin.page.getByRole('button', { name: 'Close the request' }).waitFor()
  for (const window of [stranger, admin]) {
    assert.deepEqual(window.faults, [])
    await window.close()
  }
})
