/** What a thread is called, and what its state is called. */
import { m } from '$messages';
import { patientName } from '$lib/labels';
import { matches } from '$lib/text';
import type { PatientHeader, ThreadState, ThreadSummary } from '$lib/relais';

/** Whether it can be written in: for nothing else is anything worth saying of its state. */
export function isOpen(state: ThreadState): boolean {
  return state.type === 'joined';
}

export function stateText(state: ThreadState): string {
  switch (state.type) {
    case 'creating':
      return m.thread_state_creating();
    case 'ended':
      return m.thread_state_ended();
    case 'rejoining':
      return m.thread_state_rejoining();
    case 'removed':
      return m.thread_state_removed();
    case 'stopped':
      return m.thread_state_stopped();
    case 'joined':
      return '';
  }
}

/** The patient where one is known, else the title. */
export function threadName(title: string, header: PatientHeader | null | undefined): string {
  return header ? patientName(header) : title;
}

/** What the title says beside the name of the patient; nothing when it only repeats it. */
export function motive(title: string, header: PatientHeader | null | undefined): string {
  if (!header) return '';
  const name = patientName(header);
  if (!title.toLocaleLowerCase('fr').startsWith(name.toLocaleLowerCase('fr'))) return title;
  return title.slice(name.length).replace(/^[\s,:·–-]+/, '');
}

/** The title of a new thread about a patient: the name, and why. */
export function titleOf(header: PatientHeader, why: string): string {
  return [patientName(header), why.trim()].filter(Boolean).join(', ').slice(0, 120);
}

/** Threads whose title or patient has these words. */
export function foundThreads(
  threads: readonly ThreadSummary[],
  wanted: string,
  header: (thread: string) => PatientHeader | null | undefined,
): ThreadSummary[] {
  if (!wanted.trim()) return [...threads];
  return threads.filter(({ thread, title }) => {
    const known = header(thread);
    const names = known ? [known.birthName, known.usedName, ...known.birthGivenNames] : [];
    return matches([title, ...names].join(' '), wanted);
  });
}
