/** Buttons. `IconButton` shows only a drawing, and says its label to who can't see it, and to who points at it. */
import { splitProps, type JSX } from 'solid-js'
import { Icon, type IconName } from './icon.js'

type Look = 'primary' | 'danger' | 'plain'
type ButtonProps = JSX.ButtonHTMLAttributes<HTMLButtonElement> & { look?: Look | undefined; small?: boolean | undefined; icon?: IconName | undefined }

export function Button(props: ButtonProps) {
  const [own, rest] = splitProps(props, ['look', 'small', 'icon', 'children', 'class'])
  return (
    <button type="button" {...rest} class={`button ${own.look ?? ''} ${own.small ? 'small' : ''} ${own.class ?? ''}`}>
      {own.icon && <Icon name={own.icon} size={18} />}
      {own.children}
    </button>
  )
}

export function IconButton(props: Omit<ButtonProps, 'children'> & { icon: IconName; label: string }) {
  const [own, rest] = splitProps(props, ['look', 'small', 'icon', 'label', 'class'])
  return (
    <button type="button" title={own.label} aria-label={own.label} {...rest} class={`button icon ${own.look ?? 'plain'} ${own.small ? 'small' : ''} ${own.class ?? ''}`}>
      <Icon name={own.icon} size={own.small ? 18 : 20} />
    </button>
  )
}
