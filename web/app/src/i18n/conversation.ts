/** Texts of the list of conversations and of a conversation. */
import { area } from './index.js'

export const t = area({ search: 'Search' }, { search: 'Rechercher' })
