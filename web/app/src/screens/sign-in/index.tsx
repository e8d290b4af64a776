/** Signing in, by name and password; on a server with demo data also as one of its users. */
import { PalabreError } from '@palabre/client'
import { createResource, createSignal, For, Match, Show, Switch } from 'solid-js'
import { describe } from '../../core/errors.js'
import { lastProject, over, retry, signIn } from '../../core/session.js'
import { setTitle } from '../../core/title.js'
import { t } from '../../i18n/core.js'
import { Avatar } from '../../ui/avatar.js'
import { Button } from '../../ui/button.js'
import { CheckField, TextField } from '../../ui/field.js'
import './sign-in.css'

/** What the server says of itself to who is not signed in. */
interface About {
  version: string
  demo?: { project: string; users: Array<{ username: string; password: string; role: 'user' | 'agent' | 'admin' }> }
}

async function about(): Promise<About | undefined> {
  try {
    const answer = await fetch('/app.json', { credentials: 'omit' })
    return answer.ok ? ((await answer.json()) as About) : undefined
  } catch {
    return undefined
  }
}

/** What went wrong, and in which field, if it is one's. */
interface Problem {
  text: string
  field?: 'project' | 'username' | 'password' | undefined
}

function problemOf(error: unknown): Problem {
  const text = describe(error)
  if (!(error instanceof PalabreError)) return { text }
  // It is not told which of the two is wrong; a password is mistyped more often.
  if (error.code === 'unauthorized') return { text, field: 'password' }
  return { text, field: FIELDS.find((one) => one === error.field) }
}
const FIELDS = ['project', 'username', 'password'] as const

export function SignIn() {
  const [server] = createResource(about)
  const [project, setProject] = createSignal(lastProject() ?? 'default')
  const [username, setUsername] = createSignal('')
  const [password, setPassword] = createSignal('')
  const [stay, setStay] = createSignal(false)
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<Problem>()
  let form!: HTMLFormElement

  const enter = async (who: [project: string, username: string, password: string], isWritten: boolean) => {
    if (busy()) return
    setBusy(true)
    setProblem(undefined)
    try {
      await signIn(...who, stay())
    } catch (error) {
      const problem = isWritten ? problemOf(error) : { text: describe(error) }
      setProblem(problem)
      setBusy(false)
      // To what is to be mended, or else to what is to be read.
      const place = form.querySelector<HTMLElement>(problem.field ? `[name="${problem.field}"]` : '.notice.bad')
      place?.focus()
      if (place instanceof HTMLInputElement) place.select()
    }
  }

  // Not that of what was shown to whoever was here before.
  setTitle(() => t('signIn'))
  const at = (field: Problem['field']) => (problem()?.field === field ? problem()?.text : undefined)

  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <h1 class="sign-in-name">
          <img src="/icon.svg" alt="" width="36" height="36" /> Palabre
        </h1>
        <form
          ref={form}
          class="sign-in-form"
          onSubmit={(event) => {
            event.preventDefault()
            void enter([project().trim(), username().trim(), password()], true)
          }}
        >
          <Switch>
            <Match when={problem() && !problem()?.field && problem()}>
              {(problem) => (
                <p class="notice bad" role="alert" tabindex="-1">
                  {problem().text}
                </p>
              )}
            </Match>
            <Match when={!problem() && over()}>
              {(why) => (
                <div class="notice" role="status">
                  <p>{t(`connection.${why()}`)}</p>
                  <Show when={why() === 'crowded'}>
                    <Button small onClick={retry}>
                      {t('retry')}
                    </Button>
                  </Show>
                </div>
              )}
            </Match>
          </Switch>
          <TextField label={t('project')} name="project" required autocomplete="organization" value={project()} problem={at('project')} onInput={(event) => setProject(event.currentTarget.value)} />
          <TextField label={t('username')} name="username" required autocomplete="username" autocapitalize="none" spellcheck={false} value={username()} problem={at('username')} onInput={(event) => setUsername(event.currentTarget.value)} />
          <TextField label={t('password')} name="password" type="password" required autocomplete="current-password" value={password()} problem={at('password')} onInput={(event) => setPassword(event.currentTarget.value)} />
          <CheckField label={t('stay')} hint={t('stay.hint')} checked={stay()} onChange={(event) => setStay(event.currentTarget.checked)} />
          <Button type="submit" look="primary" disabled={busy()}>
            {t('signIn')}
          </Button>
        </form>
        <Show when={server()?.demo}>
          {(demo) => (
            <section class="sign-in-demo" aria-labelledby="demo">
              <h2 id="demo">{t('demo')}</h2>
              <ul role="list">
                <For each={demo().users}>
                  {(user) => (
                    <li>
                      <button type="button" class="sign-in-user" disabled={busy()} onClick={() => void enter([demo().project, user.username, user.password], false)}>
                        <Avatar id={user.username} name={user.username} />
                        <span>
                          <strong>{user.username}</strong>
                          <span class="quiet small">{t(`role.${user.role}`)}</span>
                        </span>
                      </button>
                    </li>
                  )}
                </For>
              </ul>
              <p class="hint">{t('demo.hint')}</p>
            </section>
          )}
        </Show>
      </div>
    </main>
  )
}
