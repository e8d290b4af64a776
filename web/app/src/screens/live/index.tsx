/** The live view of a project, for those who run it. */
import { createEffect, createMemo, createSignal, For, lazy, Match, onCleanup, Show, Suspense, Switch } from 'solid-js'
import { setTitle } from '../../core/title.js'
import { t as core } from '../../i18n/core.js'
import { t } from '../../i18n/live.js'
import { Button } from '../../ui/button.js'
import { Bots } from './bots.js'
import { createFeed, HELD, type Figures } from './feed.js'
import { say } from './numbers.js'
import './live.css'

const Chart = lazy(() => import('./chart.js'))

type Figure = 'users_online' | 'sessions' | 'rooms_awake' | 'messages_per_second' | 'requests_per_second' | 'deliveries_per_second' | 'fan_out' | 'slow_consumers' | 'latency_ms'
const FIGURES: readonly Figure[] = ['users_online', 'sessions', 'rooms_awake', 'messages_per_second', 'requests_per_second', 'deliveries_per_second', 'fan_out', 'slow_consumers', 'latency_ms']
const HINTED: readonly Figure[] = ['fan_out', 'slow_consumers']
const CHARTS = [
  { title: 'people', lines: [{ of: 'users_online', colour: '--accent' }, { of: 'sessions', colour: '--busy', dashed: true }] },
  { title: 'rooms', lines: [{ of: 'rooms_awake', colour: '--accent' }] },
  { title: 'talk', lines: [{ of: 'messages_per_second', colour: '--accent' }, { of: 'requests_per_second', colour: '--busy', dashed: true }] },
  { title: 'fan_out', lines: [{ of: 'deliveries_per_second', colour: '--accent' }, { of: 'fan_out', colour: '--busy', dashed: true, sparse: true }] },
  { title: 'slow', lines: [{ of: 'slow_consumers', colour: '--accent' }] },
  { title: 'database', lines: [{ of: 'latency_ms', colour: '--accent' }] },
] as const
const MINUTES = HELD / 60

/** A figure of a moment; none where it can't be told. */
function value(of: Figure, figures: Figures): number | null {
  if (of === 'latency_ms') return figures.database.latency_ms
  if (of === 'fan_out') return figures.messages_per_second > 0 ? figures.deliveries_per_second / figures.messages_per_second : null
  return figures[of]
}

export function Live() {
  const feed = createFeed()
  const latest = () => feed.figures().at(-1)
  setTitle(() => t('title'))
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
