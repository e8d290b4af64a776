/**
 * In browsers: calls when the network comes back, when the page is looked at again, and when one goes on that was frozen or kept to be
 * gone back to. Elsewhere nothing says so. Returns what ends it.
 */
export function onWaking(wake: () => void): () => void {
  if (typeof document === 'undefined') return () => {}
  const look = () => void (document.visibilityState === 'visible' && wake())
  const signs = [[globalThis, 'online'], [globalThis, 'pageshow'], [document, 'visibilitychange'], [document, 'resume']] as const
  for (const [target, sign] of signs) target.addEventListener(sign, look)
  return () => {
    for (const [target, sign] of signs) target.removeEventListener(sign, look)
  }
}
