/** What went wrong, in words for people. */
import { PalabreError } from '@palabre/client'
import { t } from '../i18n/core.js'
import { language } from '../i18n/index.js'

/** With what was said about it, which is in English. */
const inFull = (text: 'error.invalid' | 'error.other', detail: string): string => (language() === 'en' ? t(text, { detail }) : t(`${text}.short`))

/** A text for an error; codes that people can do something about have texts of their own. */
export function describe(error: unknown): string {
  if (!(error instanceof PalabreError)) return inFull('error.other', error instanceof Error ? error.message : String(error))
  switch (error.code) {
    case 'unauthorized':
    case 'forbidden':
    case 'not_found':
    case 'name_taken':
    case 'conflict':
    case 'read_only':
    case 'too_large':
    case 'rate_limited':
    case 'quota_exceeded':
    case 'full':
    case 'unavailable':
    case 'network':
    case 'timeout':
      return t(`error.${error.code}`)
    case 'invalid':
      return inFull('error.invalid', error.message)
    case 'disconnected':
    case 'offline':
      return t('error.network')
    default:
      return inFull('error.other', error.message)
  }
}
