/** When something is due, as a person chooses it. */
import { dayToMs, msToDay } from '$lib/format';
import type { CalendarDate } from '$lib/relais';

export type DueChoice = 'none' | 'today' | 'tomorrow' | 'other';

export interface Due {
  choice: DueChoice;
  /** With `other`. */
  day: CalendarDate | null;
  /** Minutes since midnight; the end of the day without it. */
  time: number | null;
}

const MINUTE = 60_000;

/** The moment that was chosen; nothing for "none", and for a day that is not typed yet. */
export function dueMs({ choice, day, time }: Due, now = Date.now()): number | null {
  const chosen = chosenDay(choice, day, now);
  if (!chosen) return null;
  return time === null ? dayToMs(chosen, true) : dayToMs(chosen) + time * MINUTE;
}

function chosenDay(choice: DueChoice, day: CalendarDate | null, now: number): CalendarDate | null {
  if (choice === 'other') return day;
  if (choice === 'none') return null;
  const date = new Date(now);
  if (choice === 'tomorrow') date.setDate(date.getDate() + 1);
  return msToDay(date.getTime());
}
