/**
 * Client library for Palabre chat servers.
 *
 * @packageDocumentation
 */
export type * from './api.js'
export type * from './generated.js'
export type * from './protocol.js'
export { expiryOf } from './claims.js'
export { createClient } from './client.js'
export { PalabreError, type LocalCode } from './errors.js'
export { createRest, type Rest, type RestOptions, type UploadOptions } from './rest.js'
export { type DatabaseFactory, indexedDbStore, memoryStore } from './stores.js'
