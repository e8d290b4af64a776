import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser } from 'playwright-core'
import { createRest } from '@palabre/client'
import { checkAccess, openWindow, PHONE, shot, signIn, startBrowser, type Window } from './support/browser.js'
import { holdAnswer } from './support/late.js'
import { startModel, type Model } from './support/model.js'
import { person, places, PROJECT, startServer, type Person } from './support/server.js'
import { staff } from './support/staff.js'

let browser: Browser
let model: Model
let server: Awaited<ReturnType<typeof startServer>>
let bot: string
let appKey: string

before(async () => {
  model = await startModel()
  // A server of its own: its models are all at the test's.
  server = await startServer('--openai-api-key', 'the-key', '--openai-base-url', model.url, '--llm', 'openai/test-model')
  process.env['PALABRE_E2E'] = JSON.stringify(server.places)
  const owner = createRest({ url: places().url, token: places().owner })
  appKey = (await owner.call<{ key: string }>('POST', `/api/v1/projects/${PROJECT}/apps`, { name: 'tests' })).key
  bot = (await asApp<{ id: string }>('POST', 'chatbots', { name: 'marvin', llm: 'test-model', prompt: 'You help.' })).id
  browser = await startBrowser()
})
after(async () => {
  await browser?.close()
  await server?.stop()
  model?.stop()
})

/** What administrators and apps may do. */
async function asApp<T>(method: string, path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json', 'x-app-key': appKey }
  const answer = await fetch(`${places().url}/api/v1/${path}`, { method, headers, body: JSON.stringify(body) })
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`)
  return (await answer.json()) as T
}

/** A group in which the bot answers; the first owns it. */
async function group([owner, ...others]: [Person, ...Person[]], mode: 'bot' | 'human' = 'bot'): Promise<string> {
  const { id } = await owner.rest.call<{ id: string }>('POST', '/api/v1/conversations', { title: 'Workshop', members: others.map(({ username }) => ({ user: username })) })
  await owner.rest.call('PATCH', `/api/v1/conversations/${id}`, { mode: 'bot', chatbot: bot })
  if (mode === 'human') await owner.rest.call('PATCH', `/api/v1/conversations/${id}`, { mode })
  return id
}

async function open(who: Person, conversation: string, options: Parameters<typeof openWindow>[1] = {}): Promise<Window> {
  const window = await openWindow(browser, options)
  await signIn(window, who)
  await window.page.locator(`a[href$="${conversation}"]`).click()
  await field(window).waitFor()
  return window
}

const field = ({ page }: Window) => page.locator('.composer textarea')
async function write(window: Window, text: string): Promise<void> {
  await field(window).fill(text)
  await field(window).press('Enter')
}

test('an answer comes piece by piece to everybody, and can be stopped; a quota that is nearly used up is told', async () => {
  const [alice, bob] = [await staff('admin', 'alice'), await person('bob')]
  const conversation = await group([alice, bob])
  const [one, other] = [await open(alice, conversation), await open(bob, conversation)]
  await write(one, 'When does the workshop open?')
  const question = await model.next()
  assert.match(question.messages.at(-1)?.content ?? '', /When does the workshop open\?$/)
  await one.page.getByText('is thinking…').waitFor()
  question.say('It opens at **ni')
  const answer = (window: Window) => window.page.locator('.answer')
  for (const window of [one, other]) await answer(window).getByText('It opens at').waitFor()
  question.say('ne** on [Mondays](https://example.org/hours), and ')
  for (const window of [one, other]) await answer(window).locator('strong', { hasText: 'nine' }).waitFor()
  await shot(one, 'bot-answer')
  await checkAccess(one, 'an answer that comes')
  // Who is asked about a link goes on being asked when the answer is a message.
  await answer(other).getByRole('link', { name: 'Mondays' }).click()
  const asked = other.page.getByRole('dialog', { name: 'Leave Palabre?' })
  await asked.getByText('https://example.org/hours').waitFor()
  await one.page.getByRole('button', { name: 'Stop the answer' }).click()
  for (const window of [one, other]) {
    await window.page.locator('.answer-end', { hasText: 'Stopped' }).waitFor()
    await answer(window).waitFor({ state: 'detached' })
    // The message itself, once.
    assert.equal(await window.page.locator('.message', { hasText: 'It opens at' }).count(), 1)
  }
  await asked.getByRole('button', { name: 'Cancel' }).click()
  await checkAccess(one, 'an answer that was stopped')

  await one.page.getByRole('button', { name: 'Ask again' }).click()
  const again = await model.next()
  assert.match(again.messages.at(-1)?.content ?? '', /When does the workshop open\?$/)
  again.say('At nine.')
  again.end(120, 30)
  await other.page.locator('.message', { hasText: 'At nine.' }).waitFor()
  await one.page.getByRole('button', { name: /Use of bots this month: .*tokens/ }).waitFor()

  // A conversation's quota concerns its members, the others those who run the project.
  const owner = createRest({ url: places().url, token: places().owner })
  type Quota = { tokens: { used: number } }
  const levels = [
    ['This conversation', [one, other], (quota: object) => asApp<Quota>('PUT', `conversations/${conversation}/quota`, quota)],
    ['The project', [one], (quota: object) => asApp<Quota>('PUT', 'quota', quota)],
    ['The organization', [one], (quota: object) => owner.call<Quota>('PUT', '/api/v1/organizations/me/quota', quota)],
  ] as const
  for (const [level, told, set] of levels) {
    // What the answer before has used may be booked only now: that alone must neither warn nor use it up.
    const { tokens } = await set({})
    await set({ tokens: tokens.used + 10_400 })
    await write(one, `More for ${level}`)
    const more = await model.next()
    more.say(`Told of ${level}`)
    more.end(8_000, 2_000)
    for (const window of told) await window.page.getByText(new RegExp(`^${level} has used \\d+% of its quota`)).waitFor()
    await other.page.locator('.message', { hasText: `Told of ${level}` }).waitFor()
    assert.equal(await other.page.locator('.bot-warning').count(), told.length - 1)
    await set({})
    if (level === 'This conversation') await checkAccess(other, 'a quota that is nearly used up')
    // The other closes it at once.
    if (level === 'This conversation') await other.page.locator('.bot-warning').getByRole('button', { name: 'Close' }).click()
  }
  // One is about another quota than the one before, so what is not closed is still there, and what is closed does not come back.
  const shown = one.page.locator('.bot-warning')
  for (const level of ['The organization', 'The project', 'This conversation']) {
    await shown.filter({ hasText: level }).getByRole('button', { name: 'Close' }).click()
  }
  await shown.waitFor({ state: 'detached' })
  await one.page.getByRole('link', { name: 'Chats' }).click()
  await one.page.locator('.bot-bar').waitFor({ state: 'detached' })
  await one.page.locator(`a[href$="${conversation}"]`).click()
  await one.page.locator('.bot-bar').waitFor()
  assert.equal(await shown.count(), 0)
  assert.deepEqual([one.faults, other.faults], [[], []])
  await Promise.all([one.close(), other.close()])
})

test('what a model writes does not run', async () => {
  const alice = await person('alice')
  const window = await open(alice, await group([alice]))
  await write(window, 'Attack')
  const question = await model.next()
  const attack = '<img src=x onerror="globalThis.hit = 1"><script>globalThis.hit = 1</script> [go](javascript:globalThis.hit=1) '
  question.say(attack)
  await window.page.locator('.answer .bubble', { hasText: 'go' }).waitFor()
  question.end()
  await window.page.locator('.answer').waitFor({ state: 'detached' })
  assert.equal(await window.page.evaluate(() => (globalThis as { hit?: number }).hit), undefined)
  assert.equal(await window.page.locator('a[href^="javascript:"], .message img').count(), 0)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('that there is no answer is told, and who asked can ask again', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await group([alice, bob])
  const [window, other] = [await open(alice, conversation), await open(bob, conversation)]
  await write(other, 'See you')
  const small = await model.next()
  small.say('See you, Bob')
  small.end()
  // With all that belongs to the question: what it answers, and how it is meant.
  const said = window.page.locator('.message', { hasText: 'See you, Bob' })
  await said.hover()
  await said.getByRole('button', { name: 'Reply' }).click()
  await window.page.getByRole('button', { name: 'Tone' }).click()
  await window.page.getByRole('menuitemradio', { name: /serious/ }).click()
  await write(window, 'Are you there?')
  ;(await model.next()).refuse(400)
  // To ask is not for who did not.
  await other.page.getByRole('alert').filter({ hasText: 'The bot could not answer.' }).waitFor()
  assert.equal(await other.page.getByRole('button', { name: 'Ask again' }).count(), 0)
  const alert = window.page.getByRole('alert').filter({ hasText: 'The bot could not answer.' })
  await alert.waitFor()
  await shot(window, 'bot-failed')
  await checkAccess(window, 'no answer')
  await alert.getByRole('button', { name: 'Ask again' }).click()
  await alert.waitFor({ state: 'detached' })
  ;(await model.next()).refuse(400)
  await alert.waitFor()
  // Who was not there when it failed does not know that, but sees no bot that thinks.
  await window.page.reload()
  await window.page.getByText('No answer yet.').waitFor()
  assert.equal(await window.page.getByText('is thinking…').count(), 0)
  await shot(window, 'bot-no-answer-yet')
  await window.page.getByRole('button', { name: 'Ask again' }).click()
  const again = await model.next()
  const questions = other.page.locator('.message', { hasText: 'Are you there?' })
  await questions.nth(1).locator('.quote', { hasText: 'See you, Bob' }).waitFor()
  await questions.nth(1).getByText('/srs', { exact: true }).waitFor()
  again.say('Now I am')
  await window.page.locator('.answer', { hasText: 'Now I am' }).waitFor()
  // In the middle: what was said stays, and why it has no end is told.
  again.breakOff()
  await window.page.locator('.answer-end', { hasText: 'The answer broke off' }).waitFor()
  await alert.waitFor()
  assert.equal(await other.page.getByRole('button', { name: 'Ask again' }).count(), 0)
  assert.deepEqual([window.faults, other.faults], [[], []])
  await Promise.all([window.close(), other.close()])
})

test('who administers a conversation says who answers; others see it', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await group([alice, bob], 'human')
  const [one, other] = [await open(alice, conversation), await open(bob, conversation)]
  await write(other, 'For people')
  await one.page.locator('.message', { hasText: 'For people' }).waitFor()
  await one.page.getByRole('button', { name: 'More about this conversation' }).click()
  await one.page.getByRole('menuitem', { name: 'Let a bot answer' }).click()
  await other.page.getByText('Bot answers here').waitFor()
  // Nobody has asked it anything.
  for (const { page } of [one, other]) assert.equal(await page.getByText(/is thinking…|No answer yet/).count(), 0)
  assert.equal(await other.page.getByRole('button', { name: 'People', exact: true }).count(), 0)
  await write(other, 'Never mind')
  await model.next()
  await other.page.getByText('is thinking…').waitFor()
  await other.page.getByRole('button', { name: 'Stop the answer' }).click()
  await other.page.getByText('is thinking…').waitFor({ state: 'detached' })
  await other.page.getByRole('button', { name: 'Ask again' }).waitFor()
  await write(other, 'Hello?')
  const question = await model.next()
  question.say('Hel')
  await one.page.locator('.answer', { hasText: 'Hel' }).waitFor()
  // A switch ends what is being said, and nothing of it stays.
  await one.page.getByRole('button', { name: 'People', exact: true }).click()
  for (const window of [one, other]) {
    await window.page.locator('.bot-bar').waitFor({ state: 'detached' })
    await window.page.locator('.answer').waitFor({ state: 'detached' })
    assert.equal(await window.page.getByText('Hel', { exact: true }).count(), 0)
    assert.equal(await window.page.getByRole('alert').count(), 0)
  }
  assert.deepEqual([one.faults, other.faults], [[], []])
  await Promise.all([one.close(), other.close()])
})

test('one talks with an assistant alone, and sees what is used and what is left', async () => {
  const alice = await person('alice')
  await asApp('PUT', `users/${alice.id}/quota`, { tokens: 1_000 })
  const { id } = await alice.rest.call<{ id: string }>('POST', '/api/v1/conversations', { kind: 'assistant', title: 'A question', chatbot: bot })
  const window = await open(alice, id, { viewport: PHONE, locale: 'en-GB' })
  // What is known last is not replaced by what was asked for before.
  const before = await holdAnswer(window.page, '**/api/v1/usage')
  await window.page.reload()
  await before.held
  await write(window, 'What is a fence?')
  const question = await model.next()
  question.say('Something that keeps what is late out.')
  question.end(800, 50)
  const quota = window.page.getByRole('button', { name: 'Use of bots this month: 850 of 1,000 tokens' })
  await quota.waitFor()
  await before.letGo()
  assert.equal(await quota.count(), 1)
  await window.page.getByText('You have used 85% of your tokens').waitFor()
  await shot(window, 'assistant-phone')
  await checkAccess(window, 'an assistant')
  await quota.click()
  const dialog = window.page.getByRole('dialog', { name: 'Use of bots this month' })
  await dialog.getByRole('cell', { name: '800' }).waitFor()
  await dialog.getByText('150 left until').waitFor()
  await shot(window, 'usage-phone')
  await checkAccess(window, 'use')
  await window.page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })

  // The last one may go over; after it there is none.
  await write(window, 'And a turn?')
  const last = await model.next()
  last.say('Who may answer now.')
  last.end(900, 10)
  await window.page.getByRole('button', { name: 'Use of bots this month: 1,760 of 1,000 tokens' }).waitFor()
  await write(window, 'One more?')
  await window.page.getByRole('alert').filter({ hasText: 'The quota for this month is used up' }).waitFor()
  await shot(window, 'used-up-phone')
  await checkAccess(window, 'used up')
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('in French too', async () => {
  const alice = await person('alice')
  const conversation = await group([alice])
  const window = await openWindow(browser, { locale: 'fr-FR' })
  await window.page.evaluate(() => localStorage.setItem('palabre.language', 'en'))
  await window.page.reload()
  await signIn(window, alice)
  await window.page.evaluate(() => localStorage.setItem('palabre.language', 'fr'))
  await window.page.reload()
  await window.page.locator(`a[href$="${conversation}"]`).click()
  await window.page.getByText('Robot répond ici').waitFor()
  await window.page.getByRole('button', { name: 'Humains' }).waitFor()
  await write(window, 'Bonjour')
  const question = await model.next()
  await window.page.getByText('Robot réfléchit…').waitFor()
  question.say('Salut')
  await window.page.getByRole('button', { name: 'Arrêter la réponse' }).click()
  await window.page.locator('.answer-end', { hasText: 'Arrêtée' }).waitFor()
  await shot(window, 'bot-french')
  assert.deepEqual(window.faults, [])
  await window.close()
})

/** Signs in somebody of the demo. */
async function enter({ page }: Window, username: string, password: string): Promise<void> {
  await page.getByLabel('Project').fill('default')
  await page.getByLabel('Name', { exact: true }).fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

test('an administrator chooses which bot answers', async () => {
  const headers = { 'content-type': 'application/json', 'x-app-key': 'demo-app-key' }
  const made = await fetch(`${places().url}/api/v1/chatbots`, { method: 'POST', headers, body: JSON.stringify({ name: 'zaphod', llm: 'test-model', prompt: 'You help.' }) })
  assert.equal(made.status, 201)
  const window = await openWindow(browser)
  const { page } = window
  await enter(window, 'khora', 'test123')
  await page.getByRole('link', { name: /Conversation de test/ }).click()
  await page.getByText('WIBOT answers here').waitFor()
  await page.getByRole('button', { name: 'Which bot answers' }).click()
  assert.equal(await page.getByRole('menuitemradio', { name: 'WIBOT' }).getAttribute('aria-checked'), 'true')
  await shot(window, 'which-bot')
  await checkAccess(window, 'the choice of a bot')
  await page.getByRole('menuitemradio', { name: 'zaphod' }).click()
  await write(window, 'Who is there?')
  const question = await model.next()
  question.say('Zaphod.')
  question.end()
  await page.getByText('zaphod answers here').waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('the assistant of a project without a model says so', async () => {
  const window = await openWindow(browser)
  const { page } = window
  await enter(window, 'bob', 'bob12345')
  const ask = async () => {
    await page.getByRole('button', { name: 'New', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Ask the assistant' }).click()
    await field(window).waitFor()
    return page.url()
  }
  const first = await ask()
  await page.goto(`${places().url}/conversations`)
  assert.equal(await ask(), first, 'one in which nothing was said is as good as a new one')
  await write(window, 'Hello?')
  await page.locator('.message', { hasText: 'No language model is configured' }).locator('.message-author', { hasText: 'WIBOT' }).waitFor()
  await page.getByText('WIBOT answers here').waitFor()
  assert.deepEqual(window.faults, [])
  await window.close()
})
