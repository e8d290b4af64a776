/** Debian's Chromium, and windows in it. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createRequire } from 'node:module'
import assert from 'node:assert/strict'
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'
import { places, PROJECT, type Person } from './server.js'

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
// Without these it asks for its maker's hosts at every start.
const QUIET = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** Starts a browser; closed with `close()`. */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is not there: install Debian's package chromium, or set CHROMIUM`)
  return chromium.launch({ executablePath: CHROMIUM, args: QUIET })
}

/** A window of its own, with nothing stored. */
export interface Window {
  page: Page
  /** What went wrong in it by itself: errors, and what the page's policy forbade. */
  faults: string[]
  close(): Promise<void>
}

/** As wide as a desk's, or as a phone's. */
export const WIDE = { width: 1280, height: 800 }
export const PHONE = { width: 390, height: 780 }

export async function openWindow(browser: Browser, options: BrowserContextOptions & { url?: string; /** Runs in the page before its own script. */ first?: () => void } = {}): Promise<Window> {
  const { url = places().url, first, ...rest } = options
  const context = await browser.newContext({ viewport: WIDE, locale: 'en-GB', reducedMotion: 'reduce', ...rest })
  context.setDefaultTimeout(15_000)
  if (first) await context.addInitScript(first)
  return openTab(context, url)
}

/** One more page where others are open: they share what is stored. */
export async function openTab(context: BrowserContext, url = places().url, prepare?: (page: Page) => Promise<unknown>): Promise<Window> {
  const page = await context.newPage()
  await prepare?.(page)
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    // That a request was refused is told in the page where it matters.
    if (message.type() === 'error' && !/Failed to load resource|WebSocket connection/.test(message.text())) faults.push(message.text())
  })
  await page.goto(url)
  return { page, faults, close: () => context.close() }
}

/** Counts how often what is shown beside the rail is taken away as a whole, from now on. */
export async function watchPage({ page }: Window): Promise<() => Promise<number>> {
  const count = await page.evaluateHandle(() => {
    const seen = { times: 0 }
    new MutationObserver((changes) => (seen.times += changes.length)).observe(document.querySelector('main.page') as Element, { childList: true })
    return seen
  })
  return () => count.evaluate(({ times }) => times)
}

/** Signs somebody in by the form. */
export async function signIn({ page }: Window, who: Person): Promise<void> {
  await page.getByLabel('Project').fill(PROJECT)
  await page.getByLabel('Name', { exact: true }).fill(who.username)
  await page.getByLabel('Password').fill(who.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Main' }).waitFor()
}

const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Waits until what the page has come to know is shown. */
export const painted = (page: Page) => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))

/** Changes the theme, and waits until all of it has. */
async function wear(page: Page, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
  await painted(page)
}

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** Only these depend on the theme. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block']

/** Holds what is shown against WCAG 2.2 AA, and its colours in both themes. Behind a dialog nothing is seen or reached, so that is left out. */
export async function checkAccess({ page }: Window, what: string): Promise<void> {
  // Not as a tag in the page, whose policy would forbid it.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(readFileSync(axeSource, 'utf8'))
  for (const colorScheme of ['light', 'dark'] as const) {
    await wear(page, colorScheme)
    const found = await page.evaluate(async (runOnly) => {
      // Colours on their way to others are neither.
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))
      await Promise.all(document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().iterations !== Infinity).map(({ finished }) => finished.catch(() => undefined)))
      type Run = (on: Element | Document, options: object) => Promise<{ violations: Array<{ id: string; nodes: Array<{ html: string; failureSummary?: string }> }> }>
      const { axe } = globalThis as unknown as { axe: { run: Run } }
      const { violations } = await axe.run([...document.querySelectorAll('dialog[open]')].at(-1) ?? document, { runOnly, resultTypes: ['violations'] })
      return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ''}`))
    }, colorScheme === 'light' ? TAGS : OF_COLOURS)
    assert.deepEqual(found, [], `${what}, ${colorScheme}`)
  }
  await wear(page, 'light')
}

/** Keeps pictures in $SHOTS, if that is set: for people to look at. In both themes, and unless it is to be `asIs`, a desk's window as narrow as a phone's too. */
export async function shot(window: Window, name: string, asIs = false): Promise<void> {
  const folder = process.env['SHOTS']
  if (!folder) return
  await mkdir(folder, { recursive: true })
  const { page } = window
  const size = page.viewportSize() ?? WIDE
  const take = async (called: string) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await wear(page, colorScheme)
      await page.screenshot({ path: join(folder, `${called}-${colorScheme}.png`) })
    }
    await wear(page, 'light')
  }
  await take(name)
  if (asIs || size.width <= PHONE.width) return
  await page.setViewportSize(PHONE)
  await take(`${name}-narrow`)
  await page.setViewportSize(size)
}
