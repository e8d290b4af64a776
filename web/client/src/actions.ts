/** What one does, each with a request of its own. */
import type { Palabre, RequestOptions } from './api.js'
import { PalabreError } from './errors.js'
import type { Contact, ContactAction, Conversation, Message, Mode, Status, User } from './generated.js'
import type { GroupData } from './protocol.js'

/** For what may be asked twice: asking for what already is confirms it. */
const TWICE: RequestOptions = { repeat: true }

/** See the top of the file. */
export abstract class Actions {
  abstract readonly user: User | undefined
  abstract readonly request: Palabre['request']

  edit(conversation: string, message: string, body: string): Promise<Message> {
    return this.request('message.edit', { conversation, message, body }, TWICE)
  }

  delete(conversation: string, message: string): Promise<Message> {
    return this.request('message.delete', { conversation, message }, TWICE)
  }

  react(conversation: string, message: string, emoji: string, on: boolean): Promise<Message> {
    return this.request('message.react', { conversation, message, emoji, on }, TWICE)
  }

  answerGame(message: string, action: 'accept' | 'decline' | 'withdraw'): Promise<Message> {
    return this.request('message.game', { message, action }, TWICE)
  }

  // --- People and groups ---

  createGroup(data: GroupData): Promise<Conversation> {
    return this.request('group.update', data)
  }

  updateGroup(conversation: string, data: GroupData): Promise<Conversation> {
    // Who is removed already can't be removed again; and who gave away their own right may not say so twice.
    return this.request('group.update', { ...data, conversation }, { repeat: !data.remove && !data.permissions })
  }

  async deleteGroup(conversation: string): Promise<void> {
    await this.request('group.delete', { conversation })
  }

  async leave(conversation: string): Promise<void> {
    const me = this.user?.id
    if (me === undefined) throw new PalabreError('closed', 'the client is not connected')
    await this.request('group.update', { conversation, remove: [me] })
  }

  updateContact(user: string, action: ContactAction): Promise<Contact> {
    return this.request('contact.update', { user, action }, TWICE)
  }

  setStatus(status: 'online' | 'away' | 'busy' | 'invisible', text?: string): Promise<Status> {
    return this.request('status.update', { status, ...(text !== undefined && { text }) }, TWICE)
  }

  setMode(conversation: string, mode: Mode, chatbot?: string): Promise<Conversation> {
    return this.request('conversation.mode', { conversation, mode, ...(chatbot !== undefined && { chatbot }) }, TWICE)
  }

  async stop(conversation: string): Promise<void> {
    await this.request('llm.stop', { conversation })
  }
}
