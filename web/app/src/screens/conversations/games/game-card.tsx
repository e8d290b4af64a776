/** An invitation to a game: who plays, how long it is open, and one's answer. */
import type { Game, GameAnswer, Message, User } from '@palabre/client'
import { createSignal, For, Show } from 'solid-js'
import { useChat } from '../../../core/session.js'
import { t } from '../../../i18n/games.js'
import { Avatar } from '../../../ui/avatar.js'
import { Button } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { toastError } from '../../../ui/toast.js'
import { createTimeLeft, inWords } from './time-left.js'
import { nameOf } from '../names.js'
import './games.css'

/** Seats that are drawn; of more only the number is told. */
const SEATS_SHOWN = 8
/** Details that are shown, and characters of each: a payload is for the game, people get a glance. */
const DETAILS_SHOWN = 6
const DETAIL_CHARS = 80

/** What of a payload means something to people. */
function details(payload: unknown): Array<[string, string]> {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return []
  const short = (text: string) => (text.length > DETAIL_CHARS ? `${text.slice(0, DETAIL_CHARS)}…` : text)
  return Object.entries(payload)
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .slice(0, DETAILS_SHOWN)
    .map(([key, value]) => [short(key), short(String(value))])
}

export function GameCard(props: { message: Message; mayWrite: boolean }) {
  return <Show when={props.message.game}>{(game) => <Card message={props.message} game={game()} mayWrite={props.mayWrite} />}</Show>
}

function Card(props: { message: Message; game: Game; mayWrite: boolean }) {
  const { client, me } = useChat()
  const [busy, setBusy] = createSignal(false)
  const isOpen = () => props.game.state === 'offered'
  const isMine = () => props.message.author.id === me.id
  const hasSeat = () => props.game.seats.some(({ id }) => id === me.id)
  const hasDeclined = () => props.game.declined.some(({ id }) => id === me.id)
  const left = createTimeLeft(client, () => (isOpen() ? props.game.expires_at : undefined))
  const answer = async (action: GameAnswer) => {
    setBusy(true)
    await client.answerGame(props.message.id, action).catch(toastError)
    setBusy(false)
  }
  return (
    <section class="game" classList={{ over: !isOpen() }} aria-label={t('title', { name: props.game.name })}>
      <header class="game-head">
        <span class="game-icon">
          <Icon name="game" size={22} />
        </span>
        <span class="game-title">
          <span class="small quiet">{isMine() ? t('from.me') : t('from.other', { name: nameOf(props.message.author) })}</span>
          <strong class="game-name">{props.game.name}</strong>
        </span>
        <span class="game-state" data-state={props.game.state}>
          {t(`state.${props.game.state}`)}
        </span>
      </header>
      <Show when={details(props.game.payload).length > 0}>
        <dl class="game-details small" aria-label={t('details')}>
          <For each={details(props.game.payload)}>
            {([key, value]) => (
              <div>
                <dt class="quiet">{key}</dt>
                <dd>{value}</dd>
              </div>
            )}
          </For>
        </dl>
      </Show>
      <Seats game={props.game} author={props.message.author} />
      <Show when={props.game.declined.length > 0}>
        <p class="small quiet">{t('declined.by', { names: props.game.declined.map(nameOf).join(', ') })}</p>
      </Show>
      <Show when={left()}>
        {(ms) => (
          <p class="game-left small" role="timer">
            <Icon name="clock" size={16} />
            <span>{ms() > 0 ? t('left', { time: inWords(ms()) }) : t('ending')}</span>
          </p>
        )}
      </Show>
      <Show when={isOpen() && props.mayWrite}>
        <div class="game-actions">
          <Show
            when={!isMine()}
            fallback={
              <Button small look="danger" disabled={busy()} onClick={() => void answer('withdraw')}>
                {t('withdraw')}
              </Button>
            }
          >
            <Show when={!hasSeat()} fallback={<span class="game-mine small">{t('you.in')}</span>}>
              <Button small look="primary" icon="check" disabled={busy()} onClick={() => void answer('accept')}>
                {t('accept')}
              </Button>
            </Show>
            <Show when={!hasDeclined()} fallback={<span class="small quiet">{t('you.out')}</span>}>
              <Button small disabled={busy()} onClick={() => void answer('decline')}>
                {hasSeat() ? t('giveUp') : t('decline')}
              </Button>
            </Show>
          </Show>
        </div>
      </Show>
    </section>
  )
}

/** The author sits first; then those who accepted, and what is free. */
function Seats(props: { game: Game; author: User }) {
  const taken = () => [props.author, ...props.game.seats].slice(0, SEATS_SHOWN)
  const free = () => props.game.capacity - props.game.seats.length
  const drawn = () => Math.max(0, Math.min(free(), SEATS_SHOWN - taken().length))
  return (
    <div class="game-seats">
      <ul role="list" class="seats" aria-label={t('seats.who')}>
        <For each={taken()}>
          {(user) => (
            <li title={nameOf(user)}>
              <Avatar id={user.id} name={nameOf(user)} picture={user.avatar} small />
              <span class="unseen">{nameOf(user)}</span>
            </li>
          )}
        </For>
        <For each={Array.from({ length: drawn() })}>
          {() => (
            <li class="seat-free" title={t('free')}>
              <span class="unseen">{t('free')}</span>
            </li>
          )}
        </For>
        <Show when={free() > drawn()}>
          <li class="small quiet">
            <span aria-hidden="true">+{free() - drawn()}</span>
            <span class="unseen">{t('free.more', { count: free() - drawn() })}</span>
          </li>
        </Show>
      </ul>
      <span class="small quiet">{t.count('seats', props.game.capacity, { taken: props.game.seats.length })}</span>
    </div>
  )
}
