// Writes the types of the protocol from the descriptions that the server serves, so that they have one source.
//
//   node scripts/generate.mjs http://127.0.0.1:8080           writes src/generated.ts
//   node scripts/generate.mjs http://127.0.0.1:8080 --print   prints it
import { writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'

/** The shapes that the library uses; what they refer to comes along. */
const ROOTS = [
  'Account', 'Attachment', 'Contact', 'ContactAction', 'Conversation', 'ErrorCode', 'Game', 'Login', 'Me', 'Member', 'Message',
  'Permission', 'Presence', 'Problem', 'Register', 'SignedIn', 'Status', 'User',
]

const described = (text, indent) =>
  text ? `${indent}/** ${text.replaceAll('*/', '* /').replaceAll(/\s*\n\s*/g, ' ')} */\n` : ''

const name = (reference) => reference.split('/').at(-1)

/** A schema without `null`: the server leaves absent fields out and never writes null. */
const present = (schema) => {
  const choices = schema.oneOf ?? schema.anyOf
  if (!choices) return schema
  const rest = choices.filter((choice) => choice.type !== 'null')
  return rest.length === 1 ? { ...rest[0], description: schema.description ?? rest[0].description } : { ...schema, oneOf: rest, anyOf: undefined }
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
  if (schema.oneOf) return [...new Set(schema.oneOf.map((choice) => typeOf(choice, indent, uses)))].join(' | ')
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

/** TypeScript for some schemas of a document and for those they refer to. */
export function generate(schemas, roots = ROOTS) {
  const done = new Map()
  const waiting = [...roots]
  while (waiting.length > 0) {
    const next = waiting.pop()
    if (done.has(next)) continue
    const schema = schemas[next]
    if (!schema) throw new Error(`the server describes no ${next}`)
    const uses = new Set()
    const type = typeOf(schema, '', uses)
    const declaration = type.startsWith('{') ? `export interface ${next} ${type}` : `export type ${next} = ${type}`
    done.set(next, `${described(schema.description, '')}${declaration}\n`)
    waiting.push(...uses)
  }
  const head = '// Written by scripts/generate.mjs from the descriptions that the server serves. Not to be changed by hand.\n\n'
  return head + [...done.keys()].sort().map((key) => done.get(key)).join('\n')
}

/** The types as a running server describes them. */
export async function fromServer(address) {
  const answer = await fetch(new URL('/api/v1/openapi.json', address))
  if (!answer.ok) throw new Error(`${address} answered ${answer.status}`)
  return generate((await answer.json()).components.schemas)
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [address, print] = process.argv.slice(2)
  if (!address) throw new Error('give the address of a running server, such as http://127.0.0.1:8080')
  const text = await fromServer(address)
  if (print === '--print') process.stdout.write(text)
  else await writeFile(new URL('../src/generated.ts', import.meta.url), text)
}
