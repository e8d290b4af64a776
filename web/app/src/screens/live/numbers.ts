/** Numbers as people read them. */
import { language } from '../../i18n/index.js'
import { t } from '../../i18n/live.js'

/** Small ones with a digit more. */
export const say = (number: number | null | undefined): string => (number === null || number === undefined ? t('none') : number.toLocaleString(language(), { maximumFractionDigits: number < 10 ? 1 : 0 }))
