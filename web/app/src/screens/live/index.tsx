/** The live view of a project, for those who run it. */
import { createEffect, createMemo, createResource, createSignal, For, lazy, Match, onCleanup, Show, Suspense, Switch } from 'solid-js'
import { useChat } from '../../core/session.js'
import { t as core } from '../../i18n/core.js'
import { language } from '../../i18n/index.js'
import { t } from '../../i18n/live.js'
import { Button } from '../../ui/button.js'
import { createFeed, HELD, type Figures } from './feed.js'
import './live.css'

const Chart = lazy(() => import('./chart.js'))

type Figure = 'users_online' | 'sessions' | 'rooms_awake' | 'messages_per_second' | 'requests_per_second' | 'deliveries_per_second' | 'fan_out' | 'slow_consumers' | 'latency_ms'
const FIGURES: readonly Figure[] = ['users_online', 'sessions', 'rooms_awake', 'messages_per_second', 'requests_per_second', 'deliveries_per_second', 'fan_out', 'slow_consumers', 'latency_ms']
const HINTED: readonly Figure[] = ['fan_out', 'slow_consumers']
const CHARTS = [
  { title: 'people', lines: [{ of: 'users_online', colour: '--accent' }, { of: 'sessions', colour: '--busy', dashed: true }] },
  { title: 'talk', lines: [{ of: 'messages_per_second', colour: '--accent' }, { of: 'requests_per_second', colour: '--busy', dashed: true }] },
  { title: 'fan_out', lines: [{ of: 'deliveries_per_second', colour: '--accent' }] },
  { title: 'database', lines: [{ of: 'latency_ms', colour: '--accent' }] },
] as const
const MINUTES = HELD / 60
/** How often the bots' use is looked at: it changes with each answer, and is summed up by the server. */
const BOTS_MS = 30_000

/** A figure of a moment; none where it can't be told. */
function value(of: Figure, figures: Figures): number | null {
  if (of === 'latency_ms') return figures.database.latency_ms
  if (of === 'fan_out') return figures.messages_per_second > 0 ? figures.deliveries_per_second / figures.messages_per_second : null
  return figures[of]
}

const say = (number: number | null | undefined): string => (number === null || number === undefined ? t('none') : number.toLocaleString(language(), { maximumFractionDigits: number < 10 ? 1 : 0 }))

export function Live() {
  const feed = createFeed()
  const latest = () => feed.figures().at(-1)
  createEffect(() => (document.title = `${t('title')} – Palabre`))
  return (
    <div class="live">
      <header class="live-head">
        <div>
          <h1>{t('title')}</h1>
          <p class="quiet small">{t('about')}</p>
        </div>
        <Connection feed={feed} />
      </header>
      <Show when={feed.state().phase !== 'forbidden'}>
        <Show when={latest()} fallback={<Show when={feed.state().phase === 'connecting'}><p class="empty">{core('loading')}</p></Show>}>
          {(figures) => (
            <>
              <Tiles figures={figures()} />
              <div class="live-charts">
                <For each={CHARTS}>{(chart) => <ChartOf chart={chart} figures={feed.figures()} />}</For>
              </div>
              <Table figures={feed.figures()} />
            </>
          )}
        </Show>
        <Bots isPaused={feed.state().phase === 'paused'} />
      </Show>
    </div>
  )
}

function Connection(props: { feed: ReturnType<typeof createFeed> }) {
  const state = () => props.feed.state()
  const broken = () => {
    const now = state()
    return now.phase === 'broken' ? now : undefined
  }
  const [now, setNow] = createSignal(Date.now())
  createEffect(() => {
    if (!broken()) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    onCleanup(() => clearInterval(timer))
  })
  const seconds = () => Math.max(0, Math.ceil(((broken()?.retryAt ?? 0) - now()) / 1_000))
  return (
    <div class="live-state">
      {/* Not read out each second: only when it breaks. */}
      <p role="status" class="live-phase" data-phase={state().phase}>
        <Switch>
          <Match when={broken()}>
            {(one) => (
              <>
                <Show when={one().isFull}>{t('ended.full')} </Show>
                <span aria-live="off">{t('state.broken', { seconds: seconds() })}</span>
              </>
            )}
          </Match>
          <Match when={true}>{t(`state.${state().phase as 'connecting' | 'live' | 'paused' | 'forbidden'}`)}</Match>
        </Switch>
      </p>
      <Switch>
        <Match when={state().phase === 'paused'}>
          <Button small look="primary" onClick={() => props.feed.resume()}>
            {t('resume')}
          </Button>
        </Match>
        <Match when={broken()}>
          <Button small onClick={() => props.feed.resume()}>
            {t('now')}
          </Button>
        </Match>
        <Match when={state().phase === 'live'}>
          <Button small onClick={() => props.feed.pause()}>
            {t('pause')}
          </Button>
        </Match>
      </Switch>
    </div>
  )
}

function Tiles(props: { figures: Figures }) {
  return (
    <>
      <p class="live-database" data-state={props.figures.database.state}>
        {t(`database.${props.figures.database.state}`)}
      </p>
      <dl class="live-tiles">
        <For each={FIGURES}>
          {(one) => (
            <div class="live-tile" data-figure={one} classList={{ bad: one === 'slow_consumers' && props.figures.slow_consumers > 0 }}>
              <dt>
                {t(`figure.${one}`)}
                <Show when={HINTED.includes(one)}>
                  <span class="hint">{t(`hint.${one as 'fan_out' | 'slow_consumers'}`)}</span>
                </Show>
              </dt>
              <dd>{say(value(one, props.figures))}</dd>
            </div>
          )}
        </For>
      </dl>
    </>
  )
}

function ChartOf(props: { chart: (typeof CHARTS)[number]; figures: readonly Figures[] }) {
  const title = () => t(`chart.${props.chart.title}`)
  const times = () => props.figures.map(({ time }) => Date.parse(time) / 1_000)
  const values = () => props.chart.lines.map(({ of }) => props.figures.map((figures) => value(of, figures)))
  const label = () => {
    const last = props.figures.at(-1)
    return t('chart.label', { title: title(), minutes: MINUTES, values: props.chart.lines.map(({ of }) => `${t(`figure.${of}`)} ${say(last && value(of, last))}`).join(', ') })
  }
  return (
    <figure class="live-chart">
      <figcaption>
        <strong>{title()}</strong>
        <For each={props.chart.lines}>
          {(line) => (
            <span class="live-key small" data-colour={line.colour} classList={{ dashed: 'dashed' in line }}>
              {t(`figure.${line.of}`)}
            </span>
          )}
        </For>
      </figcaption>
      <Suspense fallback={<div class="chart" />}>
        <Chart label={label()} lines={props.chart.lines.map((line) => ({ label: t(`figure.${line.of}`), ...line }))} times={times()} values={values()} />
      </Suspense>
    </figure>
  )
}

function Table(props: { figures: readonly Figures[] }) {
  const rows = createMemo(() =>
    FIGURES.map((one) => {
      const all = props.figures.map((figures) => value(one, figures)).filter((number) => number !== null)
      const last = props.figures.at(-1)
      const some = all.length > 0
      return {
        one,
        columns: [last && value(one, last), some ? Math.min(...all) : null, some ? all.reduce((sum, number) => sum + number, 0) / all.length : null, some ? Math.max(...all) : null],
      }
    }),
  )
  return (
    <div class="live-table" role="region" aria-label={t('table', { minutes: MINUTES })} tabindex="0">
      <table>
        <caption>{t('table', { minutes: MINUTES })}</caption>
        <thead>
          <tr>
            <th scope="col">{t('column.figure')}</th>
            <th scope="col">{t('column.now')}</th>
            <th scope="col">{t('column.least')}</th>
            <th scope="col">{t('column.mean')}</th>
            <th scope="col">{t('column.most')}</th>
          </tr>
        </thead>
        <tbody>
          <For each={FIGURES}>
            {(one, at) => (
              <tr>
                <th scope="row">{t(`figure.${one}`)}</th>
                <For each={[0, 1, 2, 3]}>{(column) => <td>{say(rows()[at()]?.columns[column])}</td>}</For>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  )
}

/** What bots did, by bot and model. */
interface Report {
  currency: string
  items: Array<{ chatbot?: { id: string; name?: string }; model?: string; calls: number; input_tokens: number; output_tokens: number; money: number }>
}
const MILLION = 1_000_000

function Bots(props: { isPaused: boolean }) {
  const { rest } = useChat()
  const [report, { refetch }] = createResource(() => rest.call<Report>('GET', '/api/v1/usage/report?group_by=chatbot,model&limit=100').catch(() => undefined))
  createEffect(() => {
    if (props.isPaused) return
    const timer = setInterval(() => document.visibilityState === 'visible' && void refetch(), BOTS_MS)
    onCleanup(() => clearInterval(timer))
  })
  const rows = () => report.latest?.items ?? []
  const sum = (of: 'calls' | 'input_tokens' | 'output_tokens' | 'money') => rows().reduce((total, row) => total + row[of], 0)
  const money = (amount: number) => (amount / MILLION).toLocaleString(language(), { style: 'currency', currency: report.latest?.currency ?? 'EUR' })
  return (
    <Show when={report.latest}>
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
                    <th scope="row">{row.chatbot?.name ?? t('bots.gone')}</th>
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
    </Show>
  )
}
