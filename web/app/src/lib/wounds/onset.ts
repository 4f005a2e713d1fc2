/** Since when a wound is there: a day, a month or a year, as it is known. */
import { parseDay } from '$lib/format';
import type { CalendarDate } from '$lib/relais';

/** "02/09/2026", "09/2026", "2026"; nothing for anything else, and for what is still to come. */
export function parseOnset(text: string, now = new Date()): CalendarDate | null {
  const compact = text.trim();
  const year = /^(\d{4})$/.exec(compact);
  const month = /^(\d{1,2})[/.\s-](\d{4})$/.exec(compact);
  const date: CalendarDate | null = year
    ? { year: Number(year[1]), month: 0, day: 0 }
    : month
      ? { year: Number(month[2]), month: Number(month[1]), day: 0 }
      : parseDay(compact);
  if (!date || date.year < 1900 || date.month > 12 || (month && date.month < 1)) return null;
  const begins = new Date(date.year, Math.max(0, date.month - 1), Math.max(1, date.day));
  return begins.getTime() <= now.getTime() ? date : null;
}
