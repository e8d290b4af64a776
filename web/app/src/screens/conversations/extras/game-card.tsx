/** An invitation to a game. */
import type { Game, Message } from '@palabre/client'
import { Icon } from '../../../ui/icon.js'

export function GameCard(props: { message: Message; game: Game }) {
  return (
    <p class="game">
      <Icon name="game" /> {props.game.name}
    </p>
  )
}
