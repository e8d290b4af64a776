/**
 * What the server tells by itself and what it answers come by different ways: an answer may be older than what was told while it was under way,
 * and would put it back.
 */

/** Which keys something is known of, and since when. */
export function createTold<Key>() {
  let count = 0
  const last = new Map<Key, number>()
  return {
    /** Something is told of it. */
    note(key: Key): void {
      last.set(key, (count += 1))
    },
    /**
     * From now on: taken before something is asked for, it says of what comes in the answer whether something newer is known. What is not
     * older is known from then on, so that it also holds against answers to what was asked before.
     */
    since(): (key: Key) => boolean {
      const from = (count += 1)
      return (key) => {
        const isOld = (last.get(key) ?? 0) > from
        if (!isOld) last.set(key, from)
        return isOld
      }
    },
  }
}
