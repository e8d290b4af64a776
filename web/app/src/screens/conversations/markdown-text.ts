/** Markdown as plain words, for places with one line. */

const MOST = 160

export function excerpt(text: string): string {
  const words = text
    .slice(0, MOST * 4)
    .replace(/```[^\n]*\n?/g, ' ')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/^[#>\-*+\s]+/gm, '')
    .replace(/(\*\*|__|~~|`)(.+?)\1/g, '$2')
    .replace(/(?<!\w)([*_])(.+?)\1(?!\w)/g, '$2')
    .replace(/\s+/g, ' ')
    .trim()
  return words.length > MOST ? `${words.slice(0, MOST)}…` : words
}
