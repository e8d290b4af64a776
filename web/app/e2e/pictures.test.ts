import { test } from 'node:test'
import { openWindow, PHONE, shot, signIn, startBrowser } from './support/browser.js'
import { befriend, person, type Person } from './support/server.js'
import { composer, message, open } from './support/talking.js'

/** Says something and gives back its id. */
async function tell(who: Person, conversation: string, body: string, more: { reply_to?: string; tone?: string } = {}): Promise<string> {
  const id = crypto.randomUUID()
  await who.rest.call('POST', `/api/v1/conversations/${conversation}/messages`, { id, body, ...more })
  return id
}
const react = (who: Person, conversation: string, id: string, emoji: string) =>
  who.rest.call('PUT', `/api/v1/conversations/${conversation}/messages/${id}/reactions/${encodeURIComponent(emoji)}`)

// The pictures of the documentation: an evening in a community of players. `SHOTS=folder npm test -- pictures`
test('pictures', { skip: !process.env['SHOTS'] && 'only with SHOTS' }, async () => {
  const browser = await startBrowser()
  const [maya, theo, ines, leo, zoe] = [await person('maya', 'Maya Fontaine'), await person('theo', 'Theo Brandt'), await person('ines', 'Inès Carvalho'), await person('leo', 'Leo Marchetti'), await person('zoe', 'Zoë Lindqvist')]
  const talks = new Map<Person, string>()
  for (const other of [theo, ines, leo, zoe]) talks.set(other, await befriend(maya, other))
  const group = (await maya.rest.call<{ id: string }>('POST', '/api/v1/conversations', { title: 'Thursday raid', members: [theo, ines, leo].map(({ id }) => ({ user: id })) })).id
  await tell(zoe, talks.get(zoe) ?? '', 'The recording of last night is up')
  await tell(leo, talks.get(leo) ?? '', 'ok, I will bring the healer')
  await tell(maya, talks.get(theo) ?? '', 'Thanks for the notes, they helped a lot!')
  await tell(theo, group, 'New patch notes are out: the second boss has **30 % less health** now.')
  const plan = await tell(ines, group, 'So we can drop one healer?\n\n1. Leo swaps to damage\n2. Maya keeps the shield up\n3. nobody stands in the fire')
  await react(leo, group, plan, '🔥')
  await react(maya, group, plan, '🔥')
  await react(theo, group, plan, '👍')
  await tell(leo, group, 'I never stand in the fire', { reply_to: plan, tone: '/j' })
  const windows = [await openWindow(browser), await openWindow(browser), await openWindow(browser, { viewport: PHONE, isMobile: true, hasTouch: true })] as const
  const [wide, others, phone] = windows
  await signIn(wide, maya)
  await signIn(others, ines)
  await signIn(phone, theo)
  await open(wide.page, 'Thursday raid')
  await open(others.page, 'Thursday raid')
  await composer(wide.page).fill('Then it is settled. The rotation for the shield:\n\n```python\nfor turn, player in enumerate(cycle(raid)):\n    cast("shield", on=player, at=30 * turn)\n```')
  await composer(wide.page).press('Enter')
  await tell(ines, group, `Perfect. See you at 8, @${maya.username}?`)
  await message(wide.page, 'See you at 8').waitFor()
  await open(phone.page, 'Thursday raid')
  await message(phone.page, 'See you at 8').waitFor()
  await wide.page.locator('.readers').first().waitFor()
  await composer(others.page).pressSequentially('And')
  await wide.page.getByText('is typing…').waitFor()
  await wide.page.mouse.move(700, 30)
  await shot(wide, 'raid', true)
  await shot(phone, 'raid-phone', true)
  await message(wide.page, 'So we can drop').first().hover()
  await message(wide.page, 'So we can drop').first().getByRole('button', { name: 'React' }).click()
  await shot(wide, 'emoji')
  await wide.page.keyboard.press('Escape')
  await wide.page.getByRole('button', { name: 'More about this conversation' }).click()
  await wide.page.getByRole('menuitem', { name: 'About this group' }).click()
  await wide.page.getByRole('dialog').getByText('Inès Carvalho').first().waitFor()
  await shot(wide, 'group')
  await wide.page.keyboard.press('Escape')
  await wide.page.getByRole('button', { name: /Your account/ }).click()
  await shot(wide, 'account')
  for (const window of windows) await window.close()
  await browser.close()
})
