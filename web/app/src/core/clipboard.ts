/** Copying. */

/**
 * Copies a text; called in answer to what somebody does. Over plain HTTP browsers have no clipboard for pages, but ask them what is copied.
 * Says whether it worked.
 */
export async function copyText(text: string): Promise<boolean> {
  // Not there over plain HTTP, whatever its type says.
  const clipboard = navigator.clipboard as Clipboard | undefined
  if (clipboard) {
    return clipboard.writeText(text).then(
      () => true,
      () => false,
    )
  }
  let isGiven = false
  const give = (event: ClipboardEvent) => {
    event.preventDefault()
    event.stopImmediatePropagation()
    event.clipboardData?.setData('text/plain', text)
    isGiven = true
  }
  document.addEventListener('copy', give, true)
  try {
    document.execCommand('copy')
  } finally {
    document.removeEventListener('copy', give, true)
  }
  return isGiven
}
