/** What the app cannot do without: the first that this browser lacks, by name. */
export function missingFeature(): string | null {
  if (!window.isSecureContext) return 'secure-context';
  if (typeof WebAssembly === 'undefined') return 'webassembly';
  if (!navigator.locks) return 'locks';
  if (!navigator.storage?.getDirectory) return 'private-files';
  return null;
}
