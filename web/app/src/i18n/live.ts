/** Texts of the live view. */
import { area } from './index.js'

export const t = area({ title: 'Live' }, { title: 'En direct' })
