/** Ends when the sheet that was just closed has given back its entry of the history: another may open then. */
export function sheetClosed(): Promise<void> {
  return new Promise((resolve) => addEventListener('popstate', () => resolve(), { once: true }));
}
