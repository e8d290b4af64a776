/** What a conversation shows about bots: the answer that is coming, below the history. */
import { Show } from 'solid-js'
import { useChat } from '../../../core/session.js'
import { watched } from '../../../core/watch.js'

export function BotStream(props: { conversation: string }) {
  const { client } = useChat()
  const stream = watched(client, () => `stream:${props.conversation}` as const, () => client.stream(props.conversation))
  return <Show when={stream()}>{(answer) => <p class="stream">{answer().text}</p>}</Show>
}
