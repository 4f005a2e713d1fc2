/** Texts as they are looked for: without accents and case, ligatures apart. */
export function folded(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll('œ', 'oe')
    .replaceAll('æ', 'ae')
    .replaceAll('’', "'");
}

/** Whether every word of `wanted` begins a word of `text`. */
export function matches(text: string, wanted: string): boolean {
  const words = folded(text).split(/[\s,;:()'-]+/);
  return folded(wanted)
    .split(/[\s,;:()'-]+/)
    .filter(Boolean)
    .every((part) => words.some((word) => word.startsWith(part)));
}
