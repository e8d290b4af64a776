/** What bots did this month: as bars, a bot each, and by bot and model in a table. */
import { createEffect, createMemo, createResource, For, onCleanup, Show } from 'solid-js'
import { loaded } from '../../core/loaded.js'
import { useChat } from '../../core/session.js'
import { language } from '../../i18n/index.js'
import { t } from '../../i18n/live.js'
import { say } from './numbers.js'

interface Row {
  chatbot?: { id: string; name?: string }
  model?: string
  calls: number
  input_tokens: number
  output_tokens: number
  money: number
}
interface Report {
  currency: string
  items: Row[]
}

/** How often it is looked at: it changes with each answer, and is summed up by the server. */
const LOOK_MS = 30_000
/** Bars, of those who used most; the table has all. */
const MOST_BARS = 8
const MILLION = 1_000_000

const nameOf = ({ chatbot }: Row): string => chatbot?.name ?? t('bots.gone')

export function Bots(props: { isPaused: boolean }) {
  const { rest } = useChat()
  const [report, { refetch }] = createResource(() => rest.call<Report>('GET', '/api/v1/usage/report?group_by=chatbot,model&limit=100').catch(() => undefined))
  createEffect(() => {
    if (props.isPaused) return
    const timer = setInterval(() => document.visibilityState === 'visible' && void refetch(), LOOK_MS)
    onCleanup(() => clearInterval(timer))
  })
  return (
    <Show when={loaded(report)}>
      {(known) => (
        <>
          <Show when={known().items.length > 0}>
            <Bars rows={known().items} />
          </Show>
          <Table report={known()} />
        </>
      )}
    </Show>
  )
}

interface Use {
  name: string
  read: number
  written: number
}

/** A bot may have several models: its bar is of all of them. */
function usesOf(rows: readonly Row[]): Use[] {
  const uses = new Map<string, Use>()
  for (const row of rows) {
    const id = row.chatbot?.id ?? ''
    const { read, written } = uses.get(id) ?? { read: 0, written: 0 }
    uses.set(id, { name: nameOf(row), read: read + row.input_tokens, written: written + row.output_tokens })
  }
  return [...uses.values()].sort((a, b) => b.read + b.written - a.read - a.written).slice(0, MOST_BARS)
}

function Bars(props: { rows: readonly Row[] }) {
  const uses = createMemo(() => usesOf(props.rows))
  const share = (tokens: number) => (100 * tokens) / Math.max(1, ...uses().map(({ read, written }) => read + written))
  return (
    <figure class="live-chart">
      <figcaption>
        <strong>{t('bots.chart')}</strong>
        <span class="live-key square small">{t('bots.input')}</span>
        <span class="live-key square other small">{t('bots.output')}</span>
      </figcaption>
      <ul class="live-bars" role="list">
        <For each={uses()}>
          {(use) => (
            <li>
              <span class="one-line" title={use.name}>
                {use.name}
              </span>
              <svg class="live-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                <rect class="live-read" width={share(use.read)} height="10" />
                <rect class="live-written" x={share(use.read)} width={share(use.written)} height="10" />
              </svg>
              <span class="live-sum">
                {say(use.read + use.written)} <span class="unseen">{t('bots.tokens')}</span>
              </span>
            </li>
          )}
        </For>
      </ul>
    </figure>
  )
}

function Table(props: { report: Report }) {
  const rows = () => props.report.items
  const sum = (of: 'calls' | 'input_tokens' | 'output_tokens' | 'money') => rows().reduce((total, row) => total + row[of], 0)
  const money = (amount: number) => (amount / MILLION).toLocaleString(language(), { style: 'currency', currency: props.report.currency })
  return (
    <div class="live-table" role="region" aria-label={t('bots')} tabindex="0">
      <table>
        <caption>{t('bots')}</caption>
        <Show
          when={rows().length > 0}
          fallback={
            <tbody>
              <tr>
                <td>{t('bots.none')}</td>
              </tr>
            </tbody>
          }
        >
          <thead>
            <tr>
              <th scope="col">{t('bots.bot')}</th>
              <th scope="col">{t('bots.model')}</th>
              <th scope="col">{t('bots.calls')}</th>
              <th scope="col">{t('bots.input')}</th>
              <th scope="col">{t('bots.output')}</th>
              <th scope="col">{t('bots.money')}</th>
            </tr>
          </thead>
          <tbody>
            <For each={rows()}>
              {(row) => (
                <tr>
                  <th scope="row">{nameOf(row)}</th>
                  <td class="text">{row.model}</td>
                  <td>{say(row.calls)}</td>
                  <td>{say(row.input_tokens)}</td>
                  <td>{say(row.output_tokens)}</td>
                  <td>{money(row.money)}</td>
                </tr>
              )}
            </For>
          </tbody>
          <Show when={rows().length > 1}>
            <tfoot>
              <tr>
                <th scope="row" colspan="2">
                  {t('bots.all')}
                </th>
                <td>{say(sum('calls'))}</td>
                <td>{say(sum('input_tokens'))}</td>
                <td>{say(sum('output_tokens'))}</td>
                <td>{money(sum('money'))}</td>
              </tr>
            </tfoot>
          </Show>
        </Show>
      </table>
    </div>
  )
}
