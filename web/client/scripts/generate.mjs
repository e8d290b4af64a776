// Writes the types of the protocol from the descriptions that the server serves, so that they have one source.
//
//   node scripts/generate.mjs http://127.0.0.1:8080           writes src/generated.ts
//   node scripts/generate.mjs http://127.0.0.1:8080 --print   prints it
import { writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'

/** What the library uses of the REST API; what it refers to comes along. The events are used all. */
const REST = ['Account', 'Login', 'Me', 'Media', 'Problem', 'Register', 'SignedIn']

const described = (text, indent) =>
  text ? `${indent}/** ${text.replaceAll('*/', '* /').replaceAll(/\s*\n\s*/g, ' ')} */\n` : ''

const name = (reference) => reference.split('/').at(-1)

/** A schema without `null`: the server leaves absent fields out and never writes null. */
const present = (schema) => {
  const choices = schema.oneOf ?? schema.anyOf
  if (!choices) return schema
  const rest = choices.filter((choice) => choice.type !== 'null')
  if (rest.length > 1) return { ...schema, oneOf: rest, anyOf: undefined }
  return { ...rest[0], description: schema.description ?? rest[0].description }
}

function typeOf(schema, indent, uses) {
  schema = present(schema)
  if (schema === true || Object.keys(schema).every((key) => key === 'description' || key === 'example')) return 'unknown'
  if (schema.$ref) {
    uses.add(name(schema.$ref))
    return name(schema.$ref)
  }
  if ('const' in schema) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (schema.allOf) {
    // Parts that may be null are fields that are there together or not at all.
    const parts = schema.allOf.map((part) => {
      const type = typeOf(part, indent, uses)
      return part.oneOf?.some((choice) => choice.type === 'null') ? `Partial<${type}>` : type
    })
    return parts.join(' & ')
  }
  const choices = schema.oneOf ?? schema.anyOf
  if (choices) return [...new Set(choices.map((choice) => typeOf(choice, indent, uses)))].join(' | ')
  const types = [schema.type ?? 'object'].flat().filter((type) => type !== 'null')
  if (types.length !== 1) return types.map((type) => typeOf({ ...schema, type }, indent, uses)).join(' | ')
  switch (types[0]) {
    case 'string': return 'string'
    case 'integer': case 'number': return 'number'
    case 'boolean': return 'boolean'
    case 'array': {
      const items = typeOf(schema.items ?? true, indent, uses)
      return /^\w+$/.test(items) ? `${items}[]` : `Array<${items}>`
    }
    case 'object': return objectOf(schema, indent, uses)
    default: throw new Error(`a schema of type ${types[0]} is not understood`)
  }
}

function objectOf(schema, indent, uses) {
  if (!schema.properties) {
    const values = schema.additionalProperties
    return values && values !== true ? `Record<string, ${typeOf(values, indent, uses)}>` : 'Record<string, unknown>'
  }
  const inner = `${indent}  `
  const fields = Object.keys(schema.properties).sort().map((key) => {
    const field = schema.properties[key]
    const optional = schema.required?.includes(key) ? '' : '?'
    return `${described(field.description, inner)}${inner}${key}${optional}: ${typeOf(field, inner, uses)}\n`
  })
  return `{\n${fields.join('')}${indent}}`
}

/** The events as maps from their names: requests with the data of request and reply, and pushes. */
function eventMaps(messages, roots) {
  const uses = new Set()
  const dataOf = (key) => {
    const schema = messages[key]?.payload.properties?.data
    return schema && typeOf(schema, '', uses)
  }
  const requests = []
  const pushes = []
  for (const key of Object.keys(messages).sort()) {
    const [, type, kind] = /^(.+)\.(request|push)$/.exec(key) ?? []
    const text = described(messages[key].summary, '  ')
    if (kind === 'request') requests.push(`${text}  '${type}': [data: ${dataOf(key)}, reply: ${dataOf(`${type}.reply`)}]\n`)
    else if (kind === 'push') pushes.push(`${text}  '${type}': ${dataOf(key)}\n`)
  }
  roots.push(...uses)
  return (
    `/** Every request: its data, and the data of its reply. */\nexport interface ServerRequests {\n${requests.join('')}}\n\n` +
    `/** Every push, by type. */\nexport interface ServerPushes {\n${pushes.join('')}}\n`
  )
}

/** TypeScript for what two descriptions say: OpenAPI of REST, and AsyncAPI of the events. */
export function generate(openapi, asyncapi) {
  const schemas = { ...openapi.components.schemas, ...asyncapi.components.schemas }
  const waiting = [...REST]
  const maps = eventMaps(asyncapi.components.messages, waiting)
  const done = new Map()
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (done.has(next)) continue
    const schema = schemas[next]
    if (!schema) throw new Error(`the server describes no ${next}`)
    const uses = new Set()
    const type = typeOf(schema, '', uses)
    const declaration = type.startsWith('{') && type.endsWith('}') && !schema.anyOf ? `export interface ${next} ${type}` : `export type ${next} = ${type}`
    done.set(next, `${described(schema.description, '')}${declaration}\n`)
    waiting.push(...uses)
  }
  const head = '// Written by scripts/generate.mjs from the descriptions that the server serves. Not to be changed by hand.\n\n'
  return `${head}${maps}\n${[...done.keys()].sort().map((key) => done.get(key)).join('\n')}`
}

/** The types as a running server describes them. */
export async function fromServer(address) {
  const [openapi, asyncapi] = await Promise.all(
    ['/api/v1/openapi.json', '/asyncapi.json'].map(async (path) => {
      const answer = await fetch(new URL(path, address))
      if (!answer.ok) throw new Error(`${path} answered ${answer.status}`)
      return answer.json()
    }),
  )
  return generate(openapi, asyncapi)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [address, print] = process.argv.slice(2)
  if (!address) throw new Error('give the address of a running server, such as http://127.0.0.1:8080')
  const text = await fromServer(address)
  if (print === '--print') process.stdout.write(text)
  else await writeFile(new URL('../src/generated.ts', import.meta.url), text)
}
