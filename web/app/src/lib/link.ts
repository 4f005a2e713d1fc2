/** Links to join with: `URL/join#1.DATA`, of which the first byte says what it is for. */
export type LinkKind = 'setUp' | 'invitation' | 'device';

const KINDS: Record<number, LinkKind> = { 1: 'setUp', 2: 'invitation', 3: 'device' };

/** What a link is for; nothing for a text that is none. The core judges the rest of it. */
export function linkKind(link: string): LinkKind | null {
  const data = /^https?:\/\/[^\s#?@]+\/join#1\.([\w-]{4})[\w-]+$/.exec(link.trim())?.[1];
  if (!data) return null;
  const first = atob(data.replaceAll('-', '+').replaceAll('_', '/')).charCodeAt(0);
  return KINDS[first] ?? null;
}

/** The address that a link leads to, where it is not the server that this app came from. */
export function otherServer(link: string): string | null {
  const origin = URL.parse(link.trim())?.origin ?? null;
  return origin === location.origin ? null : origin;
}
