/** What one has used this month as a small bar; more about it, day by day, in a dialog. */
import { createSignal, For, Show, type Accessor } from 'solid-js'
import { t } from '../../../i18n/bot.js'
import { language } from '../../../i18n/index.js'
import { Dialog } from '../../../ui/dialog.js'
import { tightest, type Measure, type Usage } from './usage.js'

/** From here on people are warned, as the server does. */
const WARNED = 0.8

const MILLION = 1_000_000
const number = (value: number) => value.toLocaleString(language())
const money = (value: number, currency: string) => (value / MILLION).toLocaleString(language(), { style: 'currency', currency })
const date = (text: string) => new Date(text).toLocaleDateString(language() === 'en' ? 'en-GB' : language(), { day: 'numeric', month: 'long', timeZone: 'UTC' })

function amount(kind: 'tokens' | 'money', value: number, usage: Usage): string {
  return kind === 'money' ? money(value, usage.currency) : number(value)
}

function inWords(kind: 'tokens' | 'money', { used, quota }: Measure, usage: Usage): string {
  if (kind === 'money') return `${money(used, usage.currency)}${quota === undefined ? '' : ` / ${money(quota, usage.currency)}`}`
  return quota === undefined ? t('usage.tokens.free', { used: number(used) }) : t('usage.tokens', { used: number(used), quota: number(quota) })
}

/** The bar itself. Its share is in words beside it. */
function Bar(props: { share: number }) {
  return (
    <svg class="quota-bar" classList={{ warned: props.share >= WARNED, over: props.share >= 1 }} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="quota-all" width="100" height="6" />
      <rect class="quota-used" width={Math.max(0, props.share) * 100} height="6" />
    </svg>
  )
}

export function QuotaBar(props: { usage: Accessor<Usage | undefined> }) {
  const [open, setOpen] = createSignal(false)
  return (
    <Show when={props.usage()}>
      {(known) => {
        const tight = () => tightest(known())
        const words = () => inWords(tight().kind, tight().measure, known())
        return (
          <>
            <button type="button" class="quota" aria-haspopup="dialog" aria-label={t('usage.open', { what: words() })} title={t('usage')} onClick={() => setOpen(true)}>
              <Show when={tight().share >= 0}>
                <Bar share={tight().share} />
              </Show>
              <span class="quota-words">{words()}</span>
            </button>
            <Show when={open()}>
              <UsageDialog usage={known()} onClose={() => setOpen(false)} />
            </Show>
          </>
        )
      }}
    </Show>
  )
}

function UsageDialog(props: { usage: Usage; onClose: () => void }) {
  const kinds = () => (['tokens', 'money'] as const).filter((kind) => kind === 'tokens' || props.usage.money.used > 0 || props.usage.money.quota !== undefined)
  const hasMoney = () => kinds().includes('money')
  return (
    <Dialog title={t('usage')} onClose={props.onClose}>
      <For each={kinds()}>
        {(kind) => {
          const measure = () => props.usage[kind]
          const until = () => date(props.usage.resets_at)
          return (
            <div class="usage-measure">
              <strong>{inWords(kind, measure(), props.usage)}</strong>
              <Show when={measure().quota !== undefined} fallback={<span class="quiet small">{t('usage.free')}</span>}>
                <Bar share={measure().quota === 0 ? 1 : Math.min(1, measure().used / (measure().quota ?? 1))} />
                <span class="quiet small">
                  {measure().remaining ? t('usage.left', { left: amount(kind, measure().remaining ?? 0, props.usage), date: until() }) : t('usage.over', { date: until() })}
                </span>
              </Show>
            </div>
          )
        }}
      </For>
      <Show when={props.usage.days.length > 0} fallback={<p class="quiet">{t('usage.none')}</p>}>
        <div class="usage-days" tabindex="0" role="region" aria-label={t('usage')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('usage.day')}</th>
                <th scope="col">{t('usage.calls')}</th>
                <th scope="col">{t('usage.in')}</th>
                <th scope="col">{t('usage.out')}</th>
                <Show when={hasMoney()}>
                  <th scope="col">{t('usage.money')}</th>
                </Show>
              </tr>
            </thead>
            <tbody>
              <For each={[...props.usage.days].reverse()}>
                {(day) => (
                  <tr>
                    <th scope="row">{date(day.day)}</th>
                    <td>{number(day.calls)}</td>
                    <td>{number(day.input_tokens)}</td>
                    <td>{number(day.output_tokens)}</td>
                    <Show when={hasMoney()}>
                      <td>{money(day.money, props.usage.currency)}</td>
                    </Show>
                  </tr>
                )}
              </For>
            </tbody>
          </table>
        </div>
      </Show>
    </Dialog>
  )
}
