/** What was asked for, without waiting for it. */
import type { Resource } from 'solid-js'

/**
 * What a resource has, or had before it was asked for again; nothing until then, and nothing if it failed. To call a resource, or to read its `latest`,
 * while there is nothing yet takes everything up to the nearest `Suspense` off the page, with the focus and what is being written: so parts of a
 * page that is shown read it by this.
 */
export function loaded<T>(resource: Resource<T>): T | undefined {
  return resource.state === 'ready' || resource.state === 'refreshing' ? resource.latest : undefined
}
