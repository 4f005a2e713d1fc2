/** Handover notes in words: what kind, who has acknowledged. */
import { m } from '$messages';
import { daysFromNow, formatMoment, formatTime } from '$lib/format';
import type { Handover, HandoverNote, RequestKind } from '$lib/relais';

export function noteTitle(kind: RequestKind | null): string {
  switch (kind) {
    case 'advice':
      return m.note_title_advice();
    case 'prescription':
      return m.note_title_prescription();
    case 'visit':
      return m.note_title_visit();
    default:
      return m.note_title_information();
  }
}

/** Situation, antécédents, évaluation, demande: what is filled in, with its letter. */
export function noteParts(
  note: HandoverNote,
): { letter: string; name: string; text: string; asks: boolean }[] {
  const [s, a, e, d] = [...m.note_letters()] as [string, string, string, string];
  return [
    { letter: s, name: m.note_situation(), text: note.situation, asks: false },
    { letter: a, name: m.note_background(), text: note.background, asks: false },
    { letter: e, name: m.note_assessment(), text: note.assessment, asks: false },
    { letter: d, name: m.note_request(), text: note.request, asks: true },
  ].filter((part) => part.text);
}

export function acknowledgedCount(handover: Handover): number {
  return handover.receivers.filter((receiver) => receiver.acknowledgedMs !== null).length;
}

/** Whether a person is asked to acknowledge it, and has not. */
export function awaits(handover: Handover, person: string): boolean {
  return handover.receivers.some(
    (receiver) => receiver.person === person && receiver.acknowledgedMs === null,
  );
}

/** "Avant 15 h 30", "Avant demain, 8 h". */
export function deadlineWords(ms: number, now = Date.now()): string {
  return m.note_before({ when: daysFromNow(ms, now) === 0 ? formatTime(ms) : formatMoment(ms, now) });
}
