/** Where unsent messages are kept. */
import type { Outgoing, OutboxStore } from './api.js'
import { uuid } from './clock.js'

/** Keeps them as long as the program runs. */
export function memoryStore(): OutboxStore {
  const accounts = new Map<string, Map<string, Outgoing>>()
  return {
    load: async (account) => [...(accounts.get(account)?.values() ?? [])],
    async put(account, entry) {
      let entries = accounts.get(account)
      if (!entries) accounts.set(account, (entries = new Map()))
      entries.set(entry.id, entry)
    },
    remove: async (account, id) => void accounts.get(account)?.delete(id),
  }
}

const TABLE = 'outbox'
/** Where the database says which one it is; no account is a number. */
const EPOCH = [0, '']

/** The part of `IDBFactory` that is used; a program without a browser's types knows no more of it. */
export interface DatabaseFactory {
  open(name: string, version?: number): unknown
}

/** Keeps them in the browser's IndexedDB, over reloads and restarts. */
export function indexedDbStore(name = 'palabre', factory: DatabaseFactory = indexedDB): OutboxStore {
  let database: Promise<IDBDatabase> | undefined
  let epoch: string | undefined
  const news = channel(`${name}.${TABLE}`)
  const open = () =>
    (database ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = factory.open(name, 1) as IDBOpenDBRequest
      request.onupgradeneeded = () => {
        const table = request.result.createObjectStore(TABLE, { keyPath: ['account', 'entry.id'] })
        table.put({ account: EPOCH[0], entry: { id: EPOCH[1] }, epoch: uuid() })
      }
      request.onsuccess = () => {
        // A newer version of the page, or clearing the site's data, must not wait for this one.
        request.result.onversionchange = () => {
          request.result.close()
          database = undefined
        }
        // The browser closed it, as when the site's data are cleared: what comes next needs another.
        request.result.onclose = () => void (database = undefined)
        resolve(request.result)
      }
      request.onerror = () => {
        database = undefined
        reject(request.error)
      }
    }))
  /** One transaction, done when it is durable. */
  const run = async <T>(mode: IDBTransactionMode, use: (table: IDBObjectStore) => IDBRequest<T>): Promise<T> => {
    const transaction = (await open()).transaction(TABLE, mode)
    const request = use(transaction.objectStore(TABLE))
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = transaction.onerror = () => reject(transaction.error)
    })
  }
  return {
    async load(account) {
      // An array is greater than any string, so these bounds hold all of an account.
      const rows = await run<Array<{ entry: Outgoing }>>('readonly', (table) => {
        const mark = table.get(EPOCH)
        mark.onsuccess = () => (epoch = (mark.result as { epoch: string } | undefined)?.epoch)
        return table.getAll(IDBKeyRange.bound([account], [account, []]))
      })
      return rows.map(({ entry }) => entry)
    },
    async put(account, entry) {
      await run('readwrite', (table) => table.put({ account, entry }))
      news.tell(account)
    },
    async remove(account, id) {
      await run('readwrite', (table) => table.delete([account, id]))
      news.tell(account)
    },
    epoch: () => epoch,
    watch: (account, changed) => news.hear((other) => void (other === account && changed())),
  }
}

/** Between the pages of a browser, and silence where it has none. Open as long as somebody listens. */
function channel(name: string) {
  const listeners = new Set<(account: string) => void>()
  let open: BroadcastChannel | undefined
  return {
    tell: (account: string) => open?.postMessage(account),
    hear(listener: (account: string) => void): () => void {
      if (typeof BroadcastChannel === 'undefined') return () => {}
      listeners.add(listener)
      if (!open) {
        open = new BroadcastChannel(name)
        open.onmessage = ({ data }: MessageEvent<string>) => {
          for (const heard of listeners) heard(data)
        }
        // In Node it would keep the program running.
        ;(open as { unref?(): void }).unref?.()
      }
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return
        open?.close()
        open = undefined
      }
    },
  }
}
