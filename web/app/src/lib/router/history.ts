/**
 * What each entry of the browser's history is: its depth, so that going back and forward can be
 * told apart, and whether it stands for an open sheet.
 */
export interface Entry {
  depth: number;
  overlay: number;
}

export function entry(state: unknown = history.state): Entry {
  const known = state as Partial<Entry> | null;
  return { depth: known?.depth ?? 0, overlay: known?.overlay ?? 0 };
}
