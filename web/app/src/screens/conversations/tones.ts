/** Tone indicators: how something is meant. The server takes any short word after a slash; these are the usual ones. */
import { t } from '../../i18n/conversation.js'

export const TONES = ['/j', '/srs', '/s', '/gen', '/pos', '/neg', '/nm', '/lh', '/ref', '/rh'] as const
type Tone = (typeof TONES)[number]

/** What a tone means, if it is a usual one. */
export function toneName(tone: string): string | undefined {
  return TONES.includes(tone as Tone) ? t(`tone.${tone as Tone}`) : undefined
}
