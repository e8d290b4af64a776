/** In the place of a provider of language models: speaks OpenAI's format, and says what a test has it say when the test says so. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A question that was asked, and the way to answer it. */
export interface Question {
  /** What was said to the model, the newest last. */
  messages: Array<{ role: string; content: string }>
  /** Says a piece. */
  say(text: string): void
  /** Ends the answer, with the tokens that it took. */
  end(input?: number, output?: number): void
  /** Gives no answer. */
  refuse(status: number): void
  /** Closes the connection in the middle. */
  breakOff(): void
}

export interface Model {
  /** For `--openai-base-url`. */
  url: string
  /** The next question, in the order in which they come; rejects if there is none for a while. */
  next(): Promise<Question>
  stop(): void
}

/** As long as what is looked for in a page. */
const PATIENCE_MS = 15_000

export async function startModel(): Promise<Model> {
  const asked: Question[] = []
  const waiting: Array<(question: Question) => void> = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += String(piece)
    const { messages } = JSON.parse(body) as Pick<Question, 'messages'>
    const question = questionOf(messages, response)
    const first = waiting.shift()
    if (first) first(question)
    else asked.push(question)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    next() {
      const first = asked.shift()
      if (first) return Promise.resolve(first)
      return new Promise((resolve, reject) => {
        const answer = (question: Question) => (clearTimeout(timer), resolve(question))
        const timer = setTimeout(() => {
          waiting.splice(waiting.indexOf(answer), 1)
          reject(new Error('the model was not asked'))
        }, PATIENCE_MS)
        waiting.push(answer)
      })
    },
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function questionOf(messages: Question['messages'], response: ServerResponse): Question {
  const event = (data: object | string) => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
  }
  return {
    messages,
    say: (text) => event({ choices: [{ index: 0, delta: { content: text } }] }),
    end(input = 100, output = 20) {
      event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
      event({ choices: [], usage: { prompt_tokens: input, completion_tokens: output } })
      event('[DONE]')
      response.end()
    },
    refuse(status) {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { message: 'no' } }))
    },
    breakOff: () => void response.destroy(),
  }
}
