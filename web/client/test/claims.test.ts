/** What tokens say of themselves, and that nothing depends on their saying anything. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createClient, expiryOf } from '../src/index.js'

const token = (claims: string) => `head.${Buffer.from(claims).toString('base64url')}.signature`

it('the end of a token is read from it, whatever else is in it', () => {
  // Its bytes have both of the signs that base64url has in place of others.
  const claims = JSON.stringify({ sub: 'ÿ>>~~ÿ??', exp: 1_795_000_000 })
  assert.match(token(claims), /-.*_|_.*-/)
  assert.equal(expiryOf(token(claims)), 1_795_000_000_000)
})

it('a token that says nothing has no end, and is one all the same', () => {
  for (const silent of ['', 'opaque', 'a.b.c', token('null'), token('[]'), token('{}'), token('{"exp":"tomorrow"}'), token('{"exp":null}')]) {
    assert.equal(expiryOf(silent), undefined, silent)
    createClient({ url: 'https://chat.example.org', project: 'p', token: silent })
  }
})
