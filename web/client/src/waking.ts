/**
 * In browsers: calls when the network comes back, when the page is looked at again, and when one goes on that was frozen or kept to be
 * gone back to; and when the page is left, for good perhaps. Elsewhere nothing says so. Returns what ends it.
 */
export function onWaking(wake: () => void, left: () => void): () => void {
  if (typeof document === 'undefined') return () => {}
  const look = () => (document.visibilityState === 'visible' ? wake() : left())
  const signs = [
    [globalThis, 'online', look], [globalThis, 'pageshow', look], [globalThis, 'pagehide', left],
    [document, 'visibilitychange', look], [document, 'resume', look],
  ] as const
  for (const [target, sign, heard] of signs) target.addEventListener(sign, heard)
  return () => {
    for (const [target, sign, heard] of signs) target.removeEventListener(sign, heard)
  }
}
