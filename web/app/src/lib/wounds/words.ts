/** Words of wounds: places, origins, what is found. */
import { m } from '$messages';
import { formatNumber } from '$lib/format';
import type { Assessment, Laterality } from '$lib/relais';

export function lateralityName(laterality: Laterality | null): string {
  switch (laterality) {
    case 'left':
      return m.wound_left();
    case 'right':
      return m.wound_right();
    case 'midline':
      return m.wound_midline();
    default:
      return '';
  }
}

/** "Talon, gauche". */
export function siteWords(words: string, laterality: Laterality | null): string {
  return [words, words ? lateralityName(laterality) : ''].filter(Boolean).join(', ');
}

/** "3,2 × 2,1 × 0,4 cm"; what was not measured is left out. */
export function measures({ lengthMm, widthMm, depthMm }: Assessment): string {
  const given = [lengthMm, widthMm, depthMm].filter((mm) => mm !== null);
  if (!given.length) return '';
  return m.wound_cm({ size: given.map((mm) => formatNumber(mm / 10, 1)).join(' × ') });
}
