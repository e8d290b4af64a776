/** Names and titles in texts of another direction: what they are written with must turn nothing but themselves. */

/** Signs that set a direction by hand, for all that follows. */
const CONTROLS = /[\u202A-\u202E\u2066-\u2069]/g
/** Letters that are written from right to left, and those signs. */
const MAY_TURN = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u202A-\u202E\u2066-\u2069\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u

export const withoutControls = (text: string): string => text.replace(CONTROLS, '')

/** What is put into a text of ours: in the middle of it, it stays where it is put. */
export const isolated = (text: string): string => (MAY_TURN.test(text) ? `\u2068${withoutControls(text)}\u2069` : text)
