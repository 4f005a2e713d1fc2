/** What was just sent from another screen is looked for at the end of its thread. */
let sentIn: string | null = null;

/** Told before the thread is shown again. */
export function justSentIn(thread: string): void {
  sentIn = thread;
}

/** Whether a thread opens at its end; once. */
export function opensAtEnd(thread: string): boolean {
  const sent = sentIn === thread;
  sentIn = null;
  return sent;
}
