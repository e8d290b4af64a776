/** The live view of a project, for those who run it. */
import { t } from '../../i18n/live.js'

export function Live() {
  return <h1>{t('title')}</h1>
}
