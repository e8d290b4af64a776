import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import type { Area } from '../src/i18n/index.js'
import * as attachments from '../src/i18n/attachments.js'
import * as bot from '../src/i18n/bot.js'
import * as core from '../src/i18n/core.js'
import * as conversation from '../src/i18n/conversation.js'
import * as games from '../src/i18n/games.js'
import * as live from '../src/i18n/live.js'
import * as support from '../src/i18n/support.js'

const areas: Record<string, { t: Area<string> }> = { attachments, bot, core, conversation, games, live, support } as never

test('all texts are there in both languages, with the same gaps to fill', () => {
  const files = readdirSync(new URL('../../src/i18n/', import.meta.url)).map((name) => name.replace('.ts', ''))
  assert.deepEqual(Object.keys(areas).sort(), files.filter((name) => name !== 'index').sort(), 'every area is looked at')
  const gaps = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort()
  for (const [name, { t }] of Object.entries(areas)) {
    assert.deepEqual(Object.keys(t.texts.fr), Object.keys(t.texts.en), name)
    for (const key of Object.keys(t.texts.en)) {
      const { en, fr } = { en: t.texts.en[key] ?? '', fr: t.texts.fr[key] ?? '' }
      assert.ok(en.trim() !== '' && fr.trim() !== '', `${name}: ${key}`)
      assert.deepEqual(gaps(fr), gaps(en), `${name}: ${key}`)
      assert.doesNotMatch(fr, /'/, `${name}: ${key} has the apostrophe of typewriters`)
    }
  }
})

test('French has a space before some marks, at which no line ends', () => {
  assert.equal(core.t.texts.fr.said, '{who}\u00a0: {what}')
  assert.equal(core.t.texts.fr['status.text'], 'Que faites-vous\u202f?')
  assert.equal(core.t.texts.en['status.text'], 'What are you doing?')
})

test('numbers choose the form, and fill the gaps', () => {
  assert.equal(conversation.t.count('members', 1), '1 member')
  assert.equal(conversation.t.count('members', 12_345), '12,345 members')
  assert.equal(core.t('error.invalid', { detail: '$& {detail}' }), 'That was not understood: $& {detail}')
  // What is put in turns nothing but itself.
  assert.equal(conversation.t('readBy', { names: 'אליס' }), 'Read by \u2068אליס\u2069')
  assert.equal(conversation.t('readBy', { names: 'A\u2069\u202El' }), 'Read by \u2068Al\u2069')
})
