/** Days, times, numbers and sizes, as they are written in the language of the app. */
import { m } from '$messages';
import { prefs } from './prefs.svelte';
import type { CalendarDate } from './relais';

const THIN = '\u202f';
const FIXED = '\u00a0';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const made = new Map<string, Intl.DateTimeFormat>();

function dates(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = prefs.language + JSON.stringify(options);
  let format = made.get(key);
  if (!format) made.set(key, (format = new Intl.DateTimeFormat(locale(), options)));
  return format;
}

function locale(): string {
  return prefs.language === 'fr' ? 'fr-FR' : 'en-GB';
}

/** "14 h 30", "14:30". */
export function formatMinutes(minutes: number): string {
  const [hours, rest] = [Math.floor(minutes / 60), String(minutes % 60).padStart(2, '0')];
  return prefs.language === 'fr'
    ? `${hours}${FIXED}h${FIXED}${rest}`
    : `${String(hours).padStart(2, '0')}:${rest}`;
}

/** Minutes since midnight of "1430", "14:30", "14 h 30", "9h"; nothing for anything else. */
export function parseMinutes(text: string): number | null {
  const compact = text.replace(/[\s\u00a0\u202f]/g, '').toLowerCase();
  const parts = /^(\d{1,2})(?:[h:.](\d{2})?)?$/.exec(compact) ?? /^(\d{1,2})(\d{2})$/.exec(compact);
  if (!parts) return null;
  const [hours, minutes] = [Number(parts[1]), Number(parts[2] ?? 0)];
  return hours < 24 && minutes < 60 ? hours * 60 + minutes : null;
}

/** The time of day: "14 h 30". */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  return formatMinutes(date.getHours() * 60 + date.getMinutes());
}

/** Days from now to then, by the calendar: −1 is yesterday. */
export function daysFromNow(ms: number, now = Date.now()): number {
  const midnight = (at: number) => new Date(at).setHours(0, 0, 0, 0);
  return Math.round((midnight(ms) - midnight(now)) / DAY);
}

/** "aujourd’hui", "hier", "lundi", "12 mars", "12 mars 2024". */
export function formatDate(ms: number, now = Date.now()): string {
  const days = daysFromNow(ms, now);
  if (days === 0) return m.today();
  if (days === -1) return m.yesterday();
  if (days === 1) return m.tomorrow();
  if (Math.abs(days) < 7) return dates({ weekday: 'long' }).format(ms);
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  return dates({ day: 'numeric', month: 'long', year: sameYear ? undefined : 'numeric' }).format(ms);
}

/** The time today, else the day: for lists. */
export function formatWhen(ms: number, now = Date.now()): string {
  if (daysFromNow(ms, now) === 0) return formatTime(ms);
  const days = daysFromNow(ms, now);
  if (Math.abs(days) < 7) return formatDate(ms, now);
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  return dates({ day: 'numeric', month: 'short', year: sameYear ? undefined : 'numeric' }).format(ms);
}

/** Day and time: "demain, 18 h 00". */
export function formatMoment(ms: number, now = Date.now()): string {
  return m.day_and_time({ day: formatDate(ms, now), time: formatTime(ms) });
}

/** "à l’instant", "il y a 24 min", "il y a 3 h", then the day. */
export function formatAgo(ms: number, now = Date.now()): string {
  const since = now - ms;
  if (since < MINUTE) return m.just_now();
  if (since < HOUR) return m.minutes_ago({ count: Math.floor(since / MINUTE) });
  if (since < 12 * HOUR) return m.hours_ago({ count: Math.floor(since / HOUR) });
  return formatWhen(ms, now);
}

/** How long something still lasts: "14 min", "3 h", "2 jours". */
export function formatDuration(ms: number): string {
  if (ms < MINUTE) return m.seconds({ count: Math.max(0, Math.ceil(ms / 1000)) });
  if (ms < HOUR) return m.minutes({ count: Math.ceil(ms / MINUTE) });
  if (ms < 2 * DAY) return m.hours({ count: Math.round(ms / HOUR) });
  return m.days({ count: Math.round(ms / DAY) });
}

/** A number: "38,5", "1 234". */
export function formatNumber(value: number, digits?: number): string {
  return new Intl.NumberFormat(locale(), {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits ?? 2,
  }).format(value);
}

/** A number that was typed, with a comma or a point; nothing when it is none. */
export function parseNumber(text: string): number | null {
  const compact = text.replace(/[\s\u00a0\u202f]/g, '').replace(',', '.');
  return /^-?\d+(\.\d*)?$|^-?\.\d+$/.test(compact) ? Number(compact) : null;
}

/** "1,4 Mo", "1.4 MB". */
export function formatSize(bytes: number): string {
  const units = prefs.language === 'fr' ? ['o', 'ko', 'Mo', 'Go'] : ['B', 'kB', 'MB', 'GB'];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < 3) [value, unit] = [value / 1000, unit + 1];
  return `${formatNumber(value, unit === 0 || value >= 100 ? 0 : 1)}${FIXED}${units[unit]}`;
}

/** A day of the calendar: "12/03/1938"; what is not known is left out. */
export function formatDay(date: CalendarDate): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return [date.day && two(date.day), date.month && two(date.month), date.year].filter(Boolean).join('/');
}

/** A day that was typed as "12/03/1938" or "12031938"; nothing when there is no such day. */
export function parseDay(text: string): CalendarDate | null {
  const parts = /^(\d{1,2})[/.\s-]?(\d{1,2})[/.\s-]?(\d{4})$/.exec(text.trim());
  if (!parts) return null;
  const [day, month, year] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const date = new Date(Date.UTC(year, month - 1, day));
  const exists =
    date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists && year >= 1850 ? { year, month, day } : null;
}

/** A day of the calendar as a moment: its first instant here, or its last. */
export function dayToMs(date: CalendarDate, end = false): number {
  const at = new Date(date.year, date.month - 1, date.day);
  return end ? at.setHours(23, 59, 59, 999) : at.getTime();
}

/** The day of a moment here. */
export function msToDay(ms: number): CalendarDate {
  const date = new Date(ms);
  return { year: date.getFullYear(), month: date.getMonth() + 1, day: date.getDate() };
}

/** Full years since a day; an unknown month or day counts as the first. */
export function age(born: CalendarDate, now = new Date()): number {
  const [month, day] = [born.month || 1, born.day || 1];
  const before = now.getMonth() + 1 < month || (now.getMonth() + 1 === month && now.getDate() < day);
  return now.getFullYear() - born.year - (before ? 1 : 0);
}

/** An RPPS number in groups: "10 000 000 017". */
export function formatRpps(rpps: string): string {
  return rpps.replace(/^(\d{2})(\d{3})(\d{3})(\d{3})$/, `$1${THIN}$2${THIN}$3${THIN}$4`);
}
