/** Choosing people: contacts with a tick, others by their name. */
import { createMemo, createSignal, createUniqueId, For, Show } from 'solid-js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'
import { t } from '../../../i18n/conversation.js'
import { Avatar } from '../../../ui/avatar.js'
import { Button } from '../../../ui/button.js'
import { Icon } from '../../../ui/icon.js'
import { nameOf } from '../names.js'

/** A user chosen, by id or by username. */
export interface Chosen {
  key: string
  name: string
}

/** `register` is given what takes the name that stands in the field and was not added: whoever typed it means it. */
export function PeopleField(props: { chosen: Chosen[]; onChange: (chosen: Chosen[]) => void; without?: readonly string[]; register: (take: () => void) => void }) {
  const { client } = useChat()
  const id = createUniqueId()
  const [text, setText] = createSignal('')
  const contacts = watched(client, 'contacts', () => client.contacts)
  const offered = createMemo(() => {
    const wanted = text().trim().toLocaleLowerCase()
    const left = contacts().filter(({ status, user }) => status === 'accepted' && !props.without?.includes(user.id))
    return left.filter(({ user }) => `${nameOf(user)} ${user.username}`.toLocaleLowerCase().includes(wanted)).map(({ user }) => user)
  })
  const isChosen = (key: string) => props.chosen.some((one) => one.key === key)
  const toggle = (key: string, name: string) =>
    props.onChange(isChosen(key) ? props.chosen.filter((one) => one.key !== key) : [...props.chosen, { key, name }])
  const byName = () => {
    const name = text().trim()
    if (name === '') return
    const known = contacts().find(({ user }) => user.username.toLocaleLowerCase() === name.toLocaleLowerCase())
    const key = known?.user.id ?? name
    if (!isChosen(key)) props.onChange([...props.chosen, { key, name: known ? nameOf(known.user) : name }])
    setText('')
  }
  props.register(byName)
  return (
    <div class="field people">
      <label for={id}>{t('people')}</label>
      <Show when={props.chosen.length > 0}>
        <ul role="list" class="chips">
          <For each={props.chosen}>
            {(one) => (
              <li>
                <button type="button" class="chip" aria-label={t('people.without', { name: one.name })} onClick={() => toggle(one.key, one.name)}>
                  {one.name} <Icon name="close" size={14} />
                </button>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <div class="people-add">
        <input
          id={id}
          class="input"
          maxLength={100}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          aria-describedby={`${id}-hint`}
          value={text()}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || text().trim() === '') return
            event.preventDefault()
            byName()
          }}
        />
        <Button onClick={byName} disabled={text().trim() === ''}>
          {t('people.add')}
        </Button>
      </div>
      <p class="hint" id={`${id}-hint`}>
        {t('people.hint')}
      </p>
      <ul role="list" class="people-list">
        <For each={offered()}>
          {(user) => (
            <li>
              <label class="check person">
                <input type="checkbox" checked={isChosen(user.id)} onChange={() => toggle(user.id, nameOf(user))} />
                <Avatar id={user.id} name={nameOf(user)} picture={user.avatar} small />
                <span class="one-line">{nameOf(user)}</span>
              </label>
            </li>
          )}
        </For>
      </ul>
    </div>
  )
}
