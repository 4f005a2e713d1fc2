/** Shares of tissue in the bed of a wound: whole per cents that add up to 100. */
import type { TissueShares } from '$lib/relais';

export type Tissue = keyof TissueShares;

/** In the order of the bar, the best tissue last. */
export const TISSUES: readonly Tissue[] = ['granulation', 'slough', 'epithelium', 'necrosis'];
export const NONE: TissueShares = { necrosis: 0, slough: 0, granulation: 0, epithelium: 0 };

export function total(shares: TissueShares): number {
  return TISSUES.reduce((sum, tissue) => sum + shares[tissue], 0);
}

/** How much is still to be given. */
export function rest(shares: TissueShares): number {
  return 100 - total(shares);
}

/** A share set, at most to what the others leave. */
export function withShare(shares: TissueShares, tissue: Tissue, share: number): TissueShares {
  const most = rest(shares) + shares[tissue];
  return { ...shares, [tissue]: Math.round(Math.min(most, Math.max(0, share))) };
}

/** The whole rest given to one tissue. */
export function completed(shares: TissueShares, tissue: Tissue): TissueShares {
  return withShare(shares, tissue, 100);
}

/** As it is sent: nothing where nothing was given; undefined where it does not add up. */
export function sharesToSend(shares: TissueShares): TissueShares | null | undefined {
  const given = total(shares);
  if (given === 0) return null;
  return given === 100 ? shares : undefined;
}
