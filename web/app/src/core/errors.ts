/** What went wrong, in words for people. */
import { PalabreError } from '@palabre/client'
import { t } from '../i18n/core.js'

/** A text for an error; codes that people can do something about have texts of their own. */
export function describe(error: unknown): string {
  if (!(error instanceof PalabreError)) return t('error.other', { detail: error instanceof Error ? error.message : String(error) })
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
      return t('error.invalid', { detail: error.message })
    case 'disconnected':
    case 'offline':
      return t('error.network')
    default:
      return t('error.other', { detail: error.message })
  }
}
