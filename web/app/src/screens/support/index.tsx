/** The support desk, for customers and agents. */
import { t } from '../../i18n/support.js'

export function Support() {
  return <h1>{t('title')}</h1>
}
