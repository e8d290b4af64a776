/** What a token says of itself. It is the server's to judge; here it is only a hint. */

interface Claims {
  project?: string
  sub?: string
  iat?: number
  exp?: number
}

function claimsOf(token: string): Claims {
  try {
    return (JSON.parse(atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))) as Claims | null) ?? {}
  } catch {
    return {}
  }
}

/** Whose outbox it is: the bearer in their project; `undefined` when it can't be read. */
export function accountOf(token: string): string | undefined {
  const { project, sub } = claimsOf(token)
  return sub === undefined ? undefined : `${project}/${sub}`
}

/**
 * When a token ends, in milliseconds since 1970 by the server's clock, as it says itself; `undefined` when it does not say or can't be read. Of
 * two of one user the one that ends later was got later.
 */
export function expiryOf(token: string): number | undefined {
  const { exp } = claimsOf(token)
  return typeof exp === 'number' ? exp * 1_000 : undefined
}

/** How long it is good for from its beginning to its end, in milliseconds; `NaN` when it does not say. */
export function lifeOf(token: string): number {
  const { iat, exp } = claimsOf(token)
  return (exp! - iat!) * 1_000
}
