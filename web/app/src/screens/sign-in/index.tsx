/** Signing in, by name and password; on a server with demo data also as one of its users. */
import { createResource, createSignal, For, Show } from 'solid-js'
import { describe } from '../../core/errors.js'
import { ended, signIn } from '../../core/session.js'
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

export function SignIn() {
  const [server] = createResource(about)
  const [project, setProject] = createSignal('default')
  const [username, setUsername] = createSignal('')
  const [password, setPassword] = createSignal('')
  const [stay, setStay] = createSignal(false)
  const [busy, setBusy] = createSignal(false)
  const [problem, setProblem] = createSignal<string>()

  const enter = async (...who: [project: string, username: string, password: string]) => {
    if (busy()) return
    setBusy(true)
    setProblem(undefined)
    try {
      await signIn(...who, stay())
    } catch (error) {
      setProblem(describe(error))
      setBusy(false)
    }
  }

  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <h1 class="sign-in-name">
          <img src="/icon.svg" alt="" width="36" height="36" /> Palabre
        </h1>
        <form
          class="sign-in-form"
          onSubmit={(event) => {
            event.preventDefault()
            void enter(project().trim(), username().trim(), password())
          }}
        >
          <Show when={ended() && !problem()}>
            <p class="notice" role="status">
              {t('connection.ended')}
            </p>
          </Show>
          <Show when={problem()}>
            {(text) => (
              <p class="notice bad" role="alert">
                {text()}
              </p>
            )}
          </Show>
          <TextField label={t('project')} name="project" required autocomplete="organization" value={project()} onInput={(event) => setProject(event.currentTarget.value)} />
          <TextField label={t('username')} name="username" required autocomplete="username" autocapitalize="none" spellcheck={false} value={username()} onInput={(event) => setUsername(event.currentTarget.value)} />
          <TextField label={t('password')} name="password" type="password" required autocomplete="current-password" value={password()} onInput={(event) => setPassword(event.currentTarget.value)} />
          <CheckField label={t('stay')} checked={stay()} onChange={(event) => setStay(event.currentTarget.checked)} />
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
                      <button type="button" class="sign-in-user" disabled={busy()} onClick={() => void enter(demo().project, user.username, user.password)}>
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
