import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Message, SupportRequest } from '@palabre/client'
import { findRequest, likelihood } from '../src/screens/conversations/request-of.js'
import { merge, pauseAfter } from '../src/screens/support/reading.js'

const message = (seq: number, body = `${seq}`) => ({ id: `m${seq}`, seq, body }) as Message
const seqs = ({ items }: { items: readonly Message[] }) => items.map(({ seq }) => seq)

test('what is read is asked for soon while something is said, and seldom while nothing is', () => {
  const soonest = pauseAfter(0, true)
  const pauses = [soonest]
  for (let turn = 0; turn < 20; turn += 1) pauses.push(pauseAfter(pauses.at(-1) as number, false))
  assert.ok(pauses.every((pause, at) => at === 0 || pause >= (pauses[at - 1] as number)))
  assert.ok((pauses.at(-1) as number) >= 10 * soonest)
  assert.equal(pauses.at(-1), pauses.at(-2), 'it has a limit')
  assert.equal(pauseAfter(pauses.at(-1) as number, true), soonest)
})

test('a newer page is merged into what is held', () => {
  const held = merge({ items: [], hasOlder: true }, [message(3), message(4)], true)
  const later = merge({ ...held, items: [message(2), ...held.items] }, [message(3), message(4, 'changed'), message(5)], true)
  assert.deepEqual(seqs(later), [2, 3, 4, 5])
  assert.equal(later.items[1], held.items[0], 'what is the same stays where it is')
  assert.equal(later.items[2]?.body, 'changed')
  assert.equal(merge({ items: [message(1), message(2)], hasOlder: false }, [message(2), message(3)], true).hasOlder, false, 'one knows what is before')
  // More came at once than a page has: there would be a hole.
  assert.deepEqual(merge(held, [message(8), message(9)], true), { items: [message(8), message(9)], hasOlder: true })
})

const [customer, agent, former] = [{ id: 'c', username: 'c' }, { id: 'a', username: 'a' }, { id: 'f', username: 'f' }]
const request = (id: string, created_at: string, more: Partial<SupportRequest> = {}) => ({ id, customer, agent, created_at, updated_at: created_at, ...more }) as SupportRequest

test('a request is likely for who has to do with it, and only from its beginning', () => {
  const said = (author: { id: string; username: string }, role: 'user' | 'assistant' = 'user') => ({ author, role, conversation: 'x', date: '2026-03-01' })
  assert.equal(likelihood(said(customer), request('1', '2026-02-01')), 0)
  assert.equal(likelihood(said(agent), request('1', '2026-02-01')), 0)
  assert.equal(likelihood(said(customer), request('1', '2026-04-01')), undefined)
  assert.equal(likelihood(said(former), request('1', '2026-02-01', { updated_at: '2026-03-05' })), 1)
  assert.equal(likelihood(said(former), request('1', '2026-02-01', { updated_at: '2026-02-05' })), undefined)
  assert.equal(likelihood(said(former, 'assistant'), request('1', '2026-02-01')), 1)
})

test('it is found on a later page, and nobody is asked who can have nothing to do with it', async () => {
  const stranger = { id: 's', username: 's' }
  const pages: Record<string, { items: SupportRequest[]; next?: string }> = {
    '': { items: [request('too-new', '2026-05-01'), ...Array.from({ length: 50 }, (_, at) => request(`stranger${at}`, '2026-02-20', { customer: stranger, agent: stranger }))], next: '2' },
    '2': { items: [request('other', '2026-02-10'), request('wanted', '2026-02-01')], next: '3' },
    '3': { items: [] },
  }
  const asked: string[] = []
  const call = async (_: string, path: string): Promise<unknown> => {
    asked.push(path)
    const { pathname, searchParams } = new URL(path, 'http://here')
    if (pathname.endsWith('/requests')) return pages[searchParams.get('after') ?? '']
    const id = pathname.split('/').at(-2)
    return { items: [{ id: `s-${id}`, request: id, conversation: id === 'wanted' ? 'x' : 'y' }] }
  }
  const seen: string[] = []
  const found = await findRequest({ call: call as never }, '/api/v1/support/requests?whose=all', { author: customer, role: 'user', conversation: 'x', date: '2026-03-01' }, (sessions) => seen.push(...sessions.map(({ id }) => id)))
  assert.equal(found, 'wanted')
  assert.deepEqual(seen.toSorted(), ['s-other', 's-wanted'])
  assert.equal(asked.length, 4)
})
