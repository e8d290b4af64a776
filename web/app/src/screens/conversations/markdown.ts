/**
 * Markdown of messages as nodes of a page. Whatever somebody writes, what comes out has no script, no style, no forms, loads nothing from
 * elsewhere, and its links say where they lead before they do.
 */
import DOMPurify from 'dompurify'
import type { User } from '@palabre/client'
import { Marked, type Tokens } from 'marked'
import { nameOf } from './names.js'

/** So many signs of emphasis in one paragraph: for each the parser goes through all that follow, so that more take seconds. */
const STARS = 500
const star = /[*_~]/g
let starry = { block: '', is: false }

/** Whether a paragraph has so many of them that they are shown as they were written. Asked at each of them. */
function isStarry(block: string): boolean {
  if (starry.block !== block) starry = { block, is: (block.match(star)?.length ?? 0) > STARS }
  return starry.is
}

const marked = new Marked({ gfm: true, breaks: true })
marked.use({
  tokenizer: {
    // Written HTML is shown as it was written.
    html: () => undefined,
    tag: () => undefined,
    // `undefined` is text, `false` is left to the parser.
    emStrong: (_, block) => (isStarry(block) ? undefined : false),
    del: (_, block) => (isStarry(block) ? undefined : false),
  },
  renderer: {
    // A picture from elsewhere would tell its host who reads this: it becomes a link.
    image({ href, text, title }: Tokens.Image) {
      return `<a href="${attribute(href)}"${title ? ` title="${attribute(title)}"` : ''}>${attribute(text || href)}</a>`
    },
  },
})

const attribute = (text: string) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)

// Not the shared one: others may configure that.
const purify = DOMPurify(window)
const RULES = {
  ALLOWED_TAGS: ['p', 'br', 'strong', 'em', 'del', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'a', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ALLOWED_ATTR: ['href', 'title', 'start', 'class'],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto|tel):/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
}

/** Lists and quotations within each other: more than this nobody reads, and the parser goes one call deeper for each. */
const DEEP = /^(?:[ \t]*(?:>|[*+-][ \t]|\d{1,9}[.)][ \t])){21}/m
/** Cells of a table. Each line gets as many as the first, so that a short text may ask for millions. */
const CELLS = 5_000
/** Signs that the parser stops at, in a whole text. */
const STOPS = 4_000

/** Whether a text can be shown as Markdown without harm to the page, whoever wrote it. */
function isTame(text: string): boolean {
  if (DEEP.test(text) || (text.match(/[*_~!]/g)?.length ?? 0) > STOPS) return false
  const lines = text.split('\n')
  const widest = Math.max(...lines.map((line) => line.split('|').length - 1))
  return widest * lines.length <= CELLS
}

/** A text as it was written. */
function plain(text: string): DocumentFragment {
  const line = document.createElement('p')
  line.className = 'body-plain'
  line.textContent = text
  const fragment = document.createDocumentFragment()
  fragment.append(line)
  return fragment
}

/**
 * The nodes of a text; `people` are those whom mentions may name, `me` one's own username. What is no Markdown that one would write
 * comes as it is, so that no message takes a conversation down.
 */
export function render(text: string, people: readonly User[], me: string): DocumentFragment {
  if (!isTame(text)) return plain(text)
  try {
    return formatted(text, people, me)
  } catch {
    return plain(text)
  }
}

function formatted(text: string, people: readonly User[], me: string): DocumentFragment {
  const fragment = purify.sanitize(marked.parse(text, { async: false }), RULES)
  for (const link of fragment.querySelectorAll('a')) {
    if (!link.hasAttribute('href')) link.replaceWith(...link.childNodes)
    else link.rel = 'noopener noreferrer nofollow'
  }
  for (const found of fragment.querySelectorAll('[class]')) {
    // Only what says the language of code.
    if (!(found.matches('pre > code') && /^language-[\w+#.-]{1,20}$/.test(found.className))) found.removeAttribute('class')
  }
  // A message is no chapter: its headings are not those of the page.
  for (const heading of fragment.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const line = document.createElement('p')
    line.className = 'body-heading'
    line.append(...heading.childNodes)
    heading.replaceWith(line)
  }
  for (const table of fragment.querySelectorAll('table, pre')) {
    const around = document.createElement('div')
    around.className = 'body-wide'
    around.tabIndex = 0
    table.replaceWith(around)
    around.append(table)
  }
  mention(fragment, people, me)
  return fragment
}

/** Marks `@username` where that is somebody of the conversation, and shows the name they go by. */
function mention(fragment: DocumentFragment, people: readonly User[], me: string): void {
  if (people.length === 0 || !fragment.textContent?.includes('@')) return
  const known = new Map(people.map((user) => [user.username.toLocaleLowerCase(), user]))
  const longest = [...known.keys()].sort((a, b) => b.length - a.length)
  // Looked at for each @, of which a text may have thousands.
  const most = 2 * (longest[0]?.length ?? 0) + 2
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT)
  const texts: Text[] = []
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeValue?.includes('@') && !node.parentElement?.closest('code, a')) texts.push(node as Text)
  }
  for (const node of texts) {
    const text = node.data
    const parts: Array<string | Node> = []
    let from = 0
    for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
      if (at < from || (at > 0 && /[\p{L}\p{N}_]/u.test(text[at - 1] ?? ''))) continue
      const rest = text.slice(at + 1, at + 1 + most).toLocaleLowerCase()
      const name = longest.find((one) => rest.startsWith(one) && !/^[\p{L}\p{N}_]/u.test(rest.slice(one.length)))
      const user = name === undefined ? undefined : known.get(name)
      if (name === undefined || !user) continue
      const mark = document.createElement('span')
      mark.className = name === me.toLocaleLowerCase() ? 'mention me' : 'mention'
      mark.textContent = `@${nameOf(user)}`
      mark.title = `@${user.username}`
      parts.push(text.slice(from, at), mark)
      from = at + 1 + name.length
    }
    if (parts.length > 0) node.replaceWith(...parts, text.slice(from))
  }
}
