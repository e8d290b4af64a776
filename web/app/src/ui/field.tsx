/** Inputs with their label, a hint, and what is wrong with what was entered. */
import { createEffect, createUniqueId, Show, splitProps, type JSX } from 'solid-js'

interface Around {
  label: string
  hint?: string | undefined
  problem?: string | undefined
}

function describedBy(id: string, props: Around): string | undefined {
  const ids = [props.hint && `${id}-hint`, props.problem && `${id}-problem`].filter(Boolean)
  return ids.length > 0 ? ids.join(' ') : undefined
}

function Frame(props: Around & { id: string; children: JSX.Element }) {
  return (
    <div class="field">
      <label for={props.id}>{props.label}</label>
      {props.children}
      <Show when={props.hint}>{(hint) => <p class="hint" id={`${props.id}-hint`}>{hint()}</p>}</Show>
      <Show when={props.problem}>{(problem) => <p class="problem" id={`${props.id}-problem`} role="alert">{problem()}</p>}</Show>
    </div>
  )
}

export function TextField(props: Around & JSX.InputHTMLAttributes<HTMLInputElement>) {
  const [own, rest] = splitProps(props, ['label', 'hint', 'problem'])
  const id = createUniqueId()
  return (
    <Frame id={id} {...own}>
      <input type="text" {...rest} id={id} class="input" aria-invalid={own.problem ? 'true' : undefined} aria-describedby={describedBy(id, own)} />
    </Frame>
  )
}

export function TextArea(props: Around & JSX.TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const [own, rest] = splitProps(props, ['label', 'hint', 'problem'])
  const id = createUniqueId()
  return (
    <Frame id={id} {...own}>
      <textarea rows="3" {...rest} id={id} class="input" aria-invalid={own.problem ? 'true' : undefined} aria-describedby={describedBy(id, own)} />
    </Frame>
  )
}

export function SelectField(props: Around & JSX.SelectHTMLAttributes<HTMLSelectElement>) {
  const [own, rest] = splitProps(props, ['label', 'hint', 'problem', 'children', 'value'])
  const id = createUniqueId()
  let select!: HTMLSelectElement
  // After its options are there: before, a value chooses nothing.
  createEffect(() => void (own.value !== undefined && (select.value = String(own.value))))
  return (
    <Frame id={id} {...own}>
      <select {...rest} ref={select} id={id} class="input" aria-describedby={describedBy(id, own)}>
        {own.children}
      </select>
    </Frame>
  )
}

export function CheckField(props: { label: string; hint?: string } & JSX.InputHTMLAttributes<HTMLInputElement>) {
  const [own, rest] = splitProps(props, ['label', 'hint'])
  const id = createUniqueId()
  return (
    <div class="field">
      <label class="check">
        <input {...rest} type="checkbox" aria-describedby={own.hint && `${id}-hint`} />
        <span>{own.label}</span>
      </label>
      <Show when={own.hint}>{(hint) => <p class="hint" id={`${id}-hint`}>{hint()}</p>}</Show>
    </div>
  )
}
