/** How often a code may be tried: a few times freely, then after growing delays, then never. */

export const MOST_TRIES = 10;
const FREE_TRIES = 4;
const DELAYS_MS = [30_000, 60_000, 5 * 60_000, 15 * 60_000, 60 * 60_000];

/** How long after so many wrong codes; 0 for none. */
export function delayAfter(tries: number): number {
  if (tries < FREE_TRIES) return 0;
  return DELAYS_MS[Math.min(tries - FREE_TRIES, DELAYS_MS.length - 1)] ?? 0;
}

/**
 * Until when no code is tried. A clock that was put back must not keep somebody out for
 * longer than the delay itself.
 */
export function waitsUntil(tries: number, waitUntilMs: number | null, nowMs: number): number | null {
  if (waitUntilMs === null || nowMs >= waitUntilMs) return null;
  return Math.min(waitUntilMs, nowMs + delayAfter(tries));
}
