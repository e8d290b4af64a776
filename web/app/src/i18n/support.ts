/** Texts of the support desk. */
import { area } from './index.js'

export const t = area({ title: 'Support' }, { title: 'Assistance' })
