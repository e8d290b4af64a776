import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { deflateSync, crc32 } from 'node:zlib'
import type { Browser } from 'playwright-core'
import { checkAccess, openWindow, painted, PHONE, shot, signIn, startBrowser, watchPage, WIDE, type Window } from './support/browser.js'
import { befriend, person, type Person } from './support/server.js'

let browser: Browser
before(async () => void (browser = await startBrowser()))
after(() => browser.close())

interface Sent {
  name: string
  mimeType: string
  buffer: Buffer
}

/** A real PNG with a slope of colours. */
function picture(name: string, width: number, height: number, noise = false): Sent {
  const rows = Buffer.alloc((width * 3 + 1) * height)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = y * (width * 3 + 1) + 1 + x * 3
      rows[at] = noise ? (x * y * 7919) % 251 : Math.round((255 * x) / width)
      rows[at + 1] = noise ? (x * 31 + y * y * 17) % 253 : Math.round((255 * y) / height)
      rows[at + 2] = 150
    }
  }
  const chunk = (kind: string, data: Buffer) => {
    const whole = Buffer.concat([Buffer.from(kind), data])
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(whole))
    return Buffer.concat([length, whole, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 2, 0, 0, 0], 8)
  const buffer = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))])
  return { name, mimeType: 'image/png', buffer }
}

/** A second of silence. */
function sound(): Buffer {
  const samples = 8_000
  const buffer = Buffer.alloc(44 + samples, 128)
  buffer.write('RIFF', 0)
  buffer.writeUInt32LE(36 + samples, 4)
  buffer.write('WAVEfmt ', 8)
  buffer.writeUInt32LE(16, 16)
  // PCM, one channel, so many samples of a byte each second.
  buffer.writeUInt16LE(1, 20)
  buffer.writeUInt16LE(1, 22)
  buffer.writeUInt32LE(samples, 24)
  buffer.writeUInt32LE(samples, 28)
  buffer.writeUInt16LE(1, 32)
  buffer.writeUInt16LE(8, 34)
  buffer.write('data', 36)
  buffer.writeUInt32LE(samples, 40)
  return buffer
}

const text = (name: string, content: string): Sent => ({ name, mimeType: 'text/plain', buffer: Buffer.from(content) })

async function open(who: Person, conversation: string, options: Parameters<typeof openWindow>[1] = {}): Promise<Window> {
  const window = await openWindow(browser, options)
  await signIn(window, who)
  await window.page.locator(`a[href$="${conversation}"]`).click()
  await field(window).waitFor()
  return window
}
const field = ({ page }: Window) => page.locator('.composer textarea')
const chips = ({ page }: Window) => page.locator('.upload')
const send = ({ page }: Window) => page.getByRole('button', { name: 'Send', exact: true })

async function choose(window: Window, files: Sent[]): Promise<void> {
  const [chooser] = await Promise.all([window.page.waitForEvent('filechooser'), window.page.getByRole('button', { name: 'Attach files' }).click()])
  await chooser.setFiles(files)
}

/** As if the files came from outside of the browser. */
async function carry(window: Window, how: 'paste' | 'drop', files: Sent[]): Promise<void> {
  const given = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, content: buffer.toString('base64') }))
  await window.page.evaluate(
    ([way, list]) => {
      const data = new DataTransfer()
      for (const { name, mimeType, content } of list) data.items.add(new File([Uint8Array.from(atob(content), (char) => char.charCodeAt(0))], name, { type: mimeType }))
      const target = document.querySelector('.composer textarea')
      if (way === 'paste') target?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
      else for (const kind of ['dragenter', 'dragover']) target?.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }))
      Object.assign(globalThis, { dragged: data })
    },
    [how, given] as const,
  )
}
async function letGo({ page }: Window): Promise<void> {
  await page.evaluate(() => {
    const { dragged } = globalThis as unknown as { dragged: DataTransfer }
    document.querySelector('.composer textarea')?.dispatchEvent(new DragEvent('drop', { dataTransfer: dragged, bubbles: true, cancelable: true }))
  })
}

/** Lets what is asked for at such addresses wait until what it returns is called. */
async function holdBack({ page }: Window, addresses: string): Promise<() => Promise<void>> {
  let open = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  await page.route(addresses, (route) => void opened.then(() => route.continue()))
  return async () => {
    open()
    await page.unrouteAll({ behavior: 'wait' })
  }
}

/** Whether a picture is really shown. */
const isShown = (window: Window, selector: string) =>
  window.page.waitForFunction((what) => [...document.querySelectorAll<HTMLImageElement>(what)].some((image) => image.complete && image.naturalWidth > 0), selector)

test('files are chosen, pasted and dropped, and seen by the other one', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await befriend(alice, bob)
  const [one, other] = [await open(alice, conversation), await open(bob, conversation)]
  await choose(one, [picture('holiday.png', 640, 360)])
  await carry(one, 'paste', [picture('pasted.png', 200, 200)])
  await carry(one, 'drop', [text('notes.txt', 'The map is on the table.')])
  await one.page.getByText('Drop files here').waitFor()
  await shot(one, 'drop')
  await letGo(one)
  await one.page.getByText('Drop files here').waitFor({ state: 'detached' })
  assert.equal(await chips(one).count(), 3)
  await one.page.locator('.upload .quiet', { hasText: 'kB' }).first().waitFor()
  await one.page.locator('.upload-progress').first().waitFor({ state: 'detached' })
  await shot(one, 'upload-tray')
  await checkAccess(one, 'files to send')
  await field(one).fill('Look at **this**')
  // Somebody who writes meanwhile goes on writing, however long the pictures take.
  const timesTaken = await watchPage(other)
  let come = await holdBack(other, '**/thumbnail')
  await field(other).focus()
  await Promise.all([other.page.waitForRequest('**/thumbnail'), send(one).click()])
  await other.page.keyboard.type('Nice ')
  await chips(one).first().waitFor({ state: 'detached' })
  const said = other.page.locator('.message', { hasText: 'Look at this' })
  await said.getByRole('button', { name: 'Show holiday.png' }).waitFor()
  await other.page.keyboard.type('pictures')
  assert.equal(await field(other).inputValue(), 'Nice pictures')
  await come()
  await isShown(other, '.picture img')
  await shot(other, 'attachments')
  await checkAccess(other, 'files of a message')
  await other.page.setViewportSize(PHONE)
  const [bubble, chip] = await Promise.all(['.bubble', '.file-chip'].map((part) => said.locator(part).boundingBox()))
  assert.ok(bubble && chip && chip.x + chip.width <= bubble.x + bubble.width, 'a file is not wider than what it is in')
  await other.page.setViewportSize(WIDE)

  come = await holdBack(other, '**/content')
  await said.getByRole('button', { name: 'Show holiday.png' }).click()
  const viewer = other.page.getByRole('dialog', { name: 'holiday.png' })
  await viewer.getByRole('img', { name: 'Picture holiday.png' }).waitFor()
  await come()
  await isShown(other, '.viewer')
  await other.page.waitForFunction(() => document.querySelector<HTMLImageElement>('.viewer')?.naturalWidth === 640)
  await viewer.getByText('640 × 360').waitFor()
  await shot(other, 'viewer')
  await checkAccess(other, 'a picture')
  // What goes wrong in a dialog is said over it, where it can be read and put away.
  await other.page.route('**/content', (route) => route.abort())
  await viewer.getByRole('button', { name: 'Download' }).click()
  await viewer.getByRole('status').getByText('The server was not reached.').waitFor()
  await checkAccess(other, 'a note over a dialog')
  await shot(other, 'note-over-dialog')
  await viewer.locator('.toast').getByRole('button', { name: 'Close' }).click()
  await viewer.locator('.toast').waitFor({ state: 'detached' })
  await other.page.unroute('**/content')
  await other.page.keyboard.press('Escape')
  await viewer.waitFor({ state: 'detached' })
  assert.equal(await timesTaken(), 0, 'what is awaited takes no page away')

  const [download] = await Promise.all([other.page.waitForEvent('download'), said.getByRole('button', { name: 'Download notes.txt' }).click()])
  assert.equal(download.suggestedFilename(), 'notes.txt')
  assert.equal(await readFile(await download.path(), 'utf8'), 'The map is on the table.')
  assert.deepEqual([one.faults, other.faults], [[], []])
  await Promise.all([one.close(), other.close()])
})

test('a file alone needs no words, and its name does nothing', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await befriend(alice, bob)
  const [one, other] = [await open(alice, conversation), await open(bob, conversation)]
  const attack = '<img src=x onerror="globalThis.hit=1">.svg'
  await choose(one, [{ name: attack, mimeType: 'image/svg+xml', buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>globalThis.hit=1</script></svg>') }])
  await one.page.locator('.upload-progress').waitFor({ state: 'detached' })
  await field(one).press('Enter')
  for (const window of [one, other]) {
    await window.page.locator('.file-chip', { hasText: 'onerror' }).waitFor()
    // Once: as a file, not as words too.
    assert.equal(await window.page.locator('.message').getByText('onerror').count(), 1)
    assert.equal(await window.page.evaluate(() => (globalThis as { hit?: number }).hit), undefined)
    assert.equal(await window.page.locator('.message img').count(), 0)
  }
  assert.deepEqual([one.faults, other.faults], [[], []])
  await Promise.all([one.close(), other.close()])
})

test('progress shows, and what is taken away is not sent', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await befriend(alice, bob)
  const window = await open(alice, conversation, { viewport: PHONE, locale: 'en-GB' })
  const slow = await window.page.context().newCDPSession(window.page)
  await slow.send('Network.enable')
  await slow.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 60_000 })
  await choose(window, [{ name: 'large.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(2_000_000, 7) }, text('short.txt', 'short'), text('empty.txt', '')])
  const progress = window.page.getByRole('progressbar', { name: 'Uploading large.bin' })
  await window.page.waitForFunction(() => [...document.querySelectorAll<HTMLProgressElement>('.upload-progress')].some(({ value }) => value > 0 && value < 100))
  await chips(window).filter({ hasText: 'empty.txt' }).getByText('The file is empty').waitFor()
  await shot(window, 'progress-phone')
  await checkAccess(window, 'files under way')
  // With a keyboard on the screen, or lying on its side: what is sent grows no further than the button that sends it.
  await field(window).fill('A line\n'.repeat(14))
  for (const [width, height] of [[390, 420], [844, 390]] as const) {
    await window.page.setViewportSize({ width, height })
    await painted(window.page)
    const button = await send(window).boundingBox()
    assert.ok(button && button.y + button.height <= height, `the button to send is within reach at ${width} × ${height}`)
    if (height === 420) await shot(window, 'keyboard-phone', true)
  }
  await window.page.setViewportSize(PHONE)
  await field(window).fill('Wait for it')
  await send(window).click()
  await window.page.getByText('Wait until the files are uploaded.').waitFor()
  await window.page.getByRole('button', { name: 'Take large.bin away' }).click()
  await progress.waitFor({ state: 'detached' })
  await slow.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 })
  await window.page.locator('.upload-progress').first().waitFor({ state: 'detached' })
  await send(window).click()
  const said = window.page.locator('.message', { hasText: 'Wait for it' })
  await said.locator('.file-chip', { hasText: 'short.txt' }).waitFor()
  assert.equal(await said.locator('.file-chip').count(), 1)
  // What was not uploaded stays where one can see it.
  assert.deepEqual(await chips(window).locator('.upload-name').allInnerTexts(), ['empty.txt'])

  // Who signs out is asked, and takes with them what is under way.
  const { page } = window
  await page.route('**/api/v1/media', () => undefined)
  const under = page.waitForRequest('**/api/v1/media')
  await choose(window, [text('secret.txt', 'secret')])
  await under
  await page.getByRole('button', { name: 'Back', exact: true }).click()
  await page.getByRole('button', { name: /Your account/ }).click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('2 files were not sent.').waitFor()
  await checkAccess(window, 'signing out with files under way')
  const ended = page.waitForEvent('requestfailed', (request) => request.url().endsWith('/media'))
  await page.getByRole('button', { name: 'Discard and sign out' }).click()
  await ended
  await page.getByLabel('Password').waitFor()
  assert.equal(await page.evaluate(() => dispatchEvent(new Event('beforeunload', { cancelable: true }))), true, 'whoever is next closes the tab unasked')
  assert.equal(await page.getByText('secret.txt').count(), 0)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('an upload that broke is tried again', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const window = await open(alice, await befriend(alice, bob))
  const { page } = window
  await page.route('**/api/v1/media', (route) => route.abort())
  await choose(window, [text('notes.txt', 'again')])
  await chips(window).getByText('The server was not reached.').waitFor()
  await field(window).fill('With notes')
  // Who closes the tab is asked before the file is gone.
  const asked = page.waitForEvent('dialog')
  await page.close({ runBeforeUnload: true })
  assert.equal((await asked).type(), 'beforeunload')
  await (await asked).dismiss()
  await page.unroute('**/api/v1/media')
  await page.getByRole('button', { name: 'Try notes.txt again' }).click()
  await chips(window).getByText('5 B').waitFor()
  await send(window).click()
  await page.locator('.message', { hasText: 'With notes' }).locator('.file-chip', { hasText: 'notes.txt' }).waitFor()
  assert.equal(await chips(window).count(), 0)
  assert.deepEqual(window.faults, [])
  await window.close()
})

/** A moment of a film, as the browser itself writes one. */
async function film({ page }: Window): Promise<Buffer> {
  const content = await page.evaluate(async () => {
    const canvas = document.createElement('canvas')
    ;[canvas.width, canvas.height] = [64, 48]
    const brush = canvas.getContext('2d') as CanvasRenderingContext2D
    const recorder = new MediaRecorder(canvas.captureStream(), { mimeType: 'video/webm;codecs=vp8' })
    const pieces: Blob[] = []
    const done = new Promise<void>((resolve) => {
      recorder.ondataavailable = ({ data }) => {
        pieces.push(data)
        // With a picture in it.
        if (data.size > 0 && recorder.state === 'recording') recorder.stop()
      }
      recorder.onstop = () => resolve()
    })
    recorder.start(50)
    let shade = 0
    const painting = setInterval(() => {
      brush.fillStyle = `hsl(${(shade += 20)} 80% 50%)`
      brush.fillRect(0, 0, 64, 48)
    }, 20)
    await done
    clearInterval(painting)
    return Array.from(new Uint8Array(await new Blob(pieces).arrayBuffer()))
  })
  return Buffer.from(content)
}

test('sound and film are played', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await befriend(alice, bob)
  const window = await open(alice, conversation)
  await choose(window, [{ name: 'tone.wav', mimeType: 'audio/wav', buffer: sound() }])
  await chips(window).getByText('kB').waitFor()
  await window.page.locator('.upload-progress').waitFor({ state: 'detached' })
  await field(window).press('Enter')
  await window.page.getByRole('button', { name: 'Play tone.wav' }).click()
  await window.page.waitForFunction(() => (document.querySelector('audio')?.duration ?? 0) > 0.9)
  await choose(window, [{ name: 'clip.webm', mimeType: 'video/webm', buffer: await film(window) }])
  await chips(window).getByText('clip.webm').waitFor()
  await window.page.locator('.upload-progress').waitFor({ state: 'detached' })
  await field(window).press('Enter')
  const said = window.page.locator('.message', { hasText: 'clip.webm' })
  await said.getByRole('button', { name: 'Play clip.webm' }).click()
  await window.page.waitForFunction(() => document.querySelector('video')?.videoWidth === 64)
  await checkAccess(window, 'sound and film')
  await shot(window, 'sound-and-film')
  // It can be saved too.
  const [download] = await Promise.all([window.page.waitForEvent('download'), said.getByRole('button', { name: 'Download clip.webm' }).click()])
  assert.equal(download.suggestedFilename(), 'clip.webm')
  // Who goes elsewhere lets go of what was played.
  const played = await window.page.evaluate(() => {
    const revoked: string[] = []
    const revoke = URL.revokeObjectURL
    URL.revokeObjectURL = (url) => (revoked.push(url), revoke.call(URL, url))
    Object.assign(globalThis, { revoked })
    return [...document.querySelectorAll<HTMLMediaElement>('audio, video')].map(({ src }) => src).sort()
  })
  assert.equal(played.length, 2)
  await window.page.getByRole('link', { name: 'Chats' }).click()
  await said.waitFor({ state: 'detached' })
  assert.deepEqual(await window.page.evaluate(() => (globalThis as unknown as { revoked: string[] }).revoked.sort()), played)
  assert.deepEqual(window.faults, [])
  await window.close()
})

test('what is too large, not allowed, and too many, is told', async () => {
  const [alice, bob] = [await person('alice'), await person('bob')]
  const conversation = await befriend(alice, bob)
  const window = await open(alice, conversation)
  await choose(window, [
    { name: 'huge.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(4_000_000, 1) },
    // Whatever it is called: the server looks into it.
    { name: 'archive.png', mimeType: 'image/png', buffer: Buffer.from('504b0304140000000800', 'hex') },
  ])
  await chips(window).filter({ hasText: 'huge.bin' }).getByText('Too large for this server').waitFor()
  await chips(window).filter({ hasText: 'archive.png' }).getByText('This kind of file is not allowed here').waitFor()
  assert.equal(await window.page.getByRole('button', { name: /^Try / }).count(), 0)
  await shot(window, 'too-large')
  await checkAccess(window, 'a file that is too large')
  for (const name of ['huge.bin', 'archive.png']) await window.page.getByRole('button', { name: `Take ${name} away` }).click()
  await choose(window, Array.from({ length: 12 }, (_, at) => text(`${at}.txt`, `${at}`)))
  await window.page.getByText('A message can have 10 files').waitFor()
  assert.equal(await chips(window).count(), 10)
  assert.deepEqual(window.faults, [])
  await window.close()
})
