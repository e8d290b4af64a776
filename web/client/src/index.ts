/**
 * Client library for Palabre chat servers.
 *
 * @packageDocumentation
 */
export type * from './api.js'
export type * from './generated.js'
export type * from './protocol.js'
export { PalabreError, type LocalCode } from './errors.js'
