/** Colours for code, in the languages that people paste most. */
import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import css from 'highlight.js/lib/languages/css'
import json from 'highlight.js/lib/languages/json'
import python from 'highlight.js/lib/languages/python'
import rust from 'highlight.js/lib/languages/rust'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'

const languages = { bash, css, json, python, rust, sql, typescript, xml, yaml }
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language)

/** More than this would take long enough to be felt. */
const MOST = 20_000

/** Colours an element that holds code and says its language by its class. */
export function highlight(code: HTMLElement): void {
  const language = /language-(\S+)/.exec(code.className)?.[1]?.toLowerCase()
  const text = code.textContent ?? ''
  if (!language || !hljs.getLanguage(language) || text.length > MOST) return
  // It escapes what it is given; all that it adds is spans with classes.
  code.innerHTML = hljs.highlight(text, { language, ignoreIllegals: true }).value
  code.classList.add('hljs')
}
