/**
 * Texts in English and French. Each area of the application has a file of its own here, which comes with the area's script.
 *
 * `const t = area({ key: 'Text for {name}' }, { key: 'Texte pour {name}' })`; the compiler sees to it that both have the same keys. What
 * depends on a number has two: `t.count('message', 3)` takes `message.one` or `message.other` and puts the number in for `{count}`.
 */
import { createSignal } from 'solid-js'
import { isolated } from '../core/bidi.js'
import { local } from '../core/storage.js'

/** The languages there are. */
export const LANGUAGES = { en: 'English', fr: 'Français' } as const
export type Language = keyof typeof LANGUAGES

const KEPT = 'palabre.language'
const isLanguage = (value: string | undefined): value is Language => value === 'en' || value === 'fr'

function first(): Language {
  const kept = local.get(KEPT)
  if (isLanguage(kept)) return kept
  for (const wish of globalThis.navigator?.languages ?? []) {
    const short = wish.slice(0, 2)
    if (isLanguage(short)) return short
  }
  return 'en'
}

const [language, change] = createSignal<Language>(first())
export { language }

/** Changes the language, and remembers it on this device. */
export function setLanguage(next: Language): void {
  change(next)
  local.set(KEPT, next)
  document.documentElement.lang = next
}

/** What is put in for `{name}`. */
export type Values = Record<string, string | number>

/** Texts of an area. */
export interface Area<K extends string> {
  (key: K, values?: Values): string
  /** The text for a number of things. */
  count(key: Counted<K>, count: number, values?: Values): string
  /** All of them, for the test that compares languages. */
  readonly texts: Record<Language, Record<K, string>>
}
type Counted<K extends string> = K extends `${infer Stem}.one` ? Stem : never

/** Makes the texts of an area known. */
export function area<K extends string>(en: Record<K, string>, fr: Record<NoInfer<K>, string>): Area<K> {
  const texts: Record<Language, Record<K, string>> = { en, fr: spaced(fr) }
  const say = (key: K, values?: Values) => fill(texts[language()][key], values)
  const count = (key: Counted<K>, number: number, values?: Values) => {
    const which = new Intl.PluralRules(language()).select(number) === 'one' ? 'one' : 'other'
    return say(`${key}.${which}` as K, { count: number.toLocaleString(language()), ...values })
  }
  return Object.assign(say, { count, texts })
}

/** French has a space before some marks, at which no line ends. */
const spaced = <T extends Record<string, string>>(texts: T): T =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, text.replace(/ (?=[:»])|(?<=«) /g, '\u00a0').replace(/ (?=[;!?])/g, '\u202f')])) as T

function fill(text: string, values?: Values): string {
  return values === undefined ? text : text.replace(/\{(\w+)\}/g, (whole, name: string) => isolated(String(values[name] ?? whole)))
}
