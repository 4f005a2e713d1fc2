/** What was searched for last, for the way back from a thread. In memory alone, and gone with the lock. */
import { relais, type SearchHit } from '$lib/relais';

export interface Found {
  text: string;
  hits: SearchHit[];
  after: string | null;
}

let kept: Found | null = null;
relais.vault.onChange(() => (kept = null));

export const lastSearch = (): Found | null => kept;
export const keepSearch = (found: Found): void => void (kept = found);
