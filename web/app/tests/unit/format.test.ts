import { afterEach, describe, expect, it } from 'vitest';
import { prefs } from '../../src/lib/prefs.svelte';
import * as format from '../../src/lib/format';

const at = (text: string) => new Date(text).getTime();
const noon = at('2026-11-23T12:00:00');

afterEach(() => {
  prefs.language = 'fr';
});

describe('in French', () => {
  it('writes the time with an h between no-break spaces', () => {
    prefs.language = 'fr';
    expect(format.formatTime(at('2026-11-23T14:30:00'))).toBe('14\u00a0h\u00a030');
    expect(format.formatTime(at('2026-11-23T09:05:00'))).toBe('9\u00a0h\u00a005');
  });

  it('writes decimals with a comma', () => {
    prefs.language = 'fr';
    expect(format.formatNumber(38.5)).toBe('38,5');
    expect(format.formatSize(1_400_000)).toBe('1,4\u00a0Mo');
  });

  it('says days by the calendar', () => {
    prefs.language = 'fr';
    expect(format.formatDate(at('2026-11-23T00:01:00'), noon)).toBe('aujourd’hui');
    expect(format.formatDate(at('2026-11-22T23:59:00'), noon)).toBe('hier');
    expect(format.formatDate(at('2026-11-26T08:00:00'), noon)).toBe('jeudi');
    expect(format.formatDate(at('2025-03-12T08:00:00'), noon)).toBe('12 mars 2025');
  });

  it('says how long ago', () => {
    prefs.language = 'fr';
    expect(format.formatAgo(noon - 30_000, noon)).toBe('à l’instant');
    expect(format.formatAgo(noon - 24 * 60_000, noon)).toMatch(/^il y a 24.min$/);
    expect(format.formatAgo(noon - 3 * 3_600_000, noon)).toMatch(/^il y a 3.h$/);
  });
});

it('writes times and sizes in English as the English do', () => {
  prefs.language = 'en';
  expect(format.formatTime(at('2026-11-23T14:30:00'))).toBe('14:30');
  expect(format.formatNumber(38.5)).toBe('38.5');
  expect(format.formatSize(1_400_000)).toBe('1.4\u00a0MB');
});

it.each([
  ['1430', 870],
  ['14:30', 870],
  ['14 h 30', 870],
  ['14\u00a0h\u00a030', 870],
  ['9h', 540],
  ['930', 570],
  ['24:00', null],
  ['12:60', null],
  ['', null],
  ['midi', null],
])('reads the time %s', (text, minutes) => {
  expect(format.parseMinutes(text)).toBe(minutes);
});

it.each([
  ['12/03/1938', { year: 1938, month: 3, day: 12 }],
  ['12031938', { year: 1938, month: 3, day: 12 }],
  ['31/02/1938', null],
  ['29/02/2023', null],
  ['29/02/2024', { year: 2024, month: 2, day: 29 }],
  ['12/03/38', null],
])('reads the day %s', (text, day) => {
  expect(format.parseDay(text)).toEqual(day);
});

it.each([
  ['38,5', 38.5],
  ['38.5', 38.5],
  ['1\u202f234', 1234],
  ['3,2,1', null],
  ['', null],
])('reads the number %s', (text, number) => {
  expect(format.parseNumber(text)).toBe(number);
});

it('counts full years', () => {
  const born = { year: 1938, month: 3, day: 12 };
  expect(format.age(born, new Date('2026-03-11T12:00:00'))).toBe(87);
  expect(format.age(born, new Date('2026-03-12T12:00:00'))).toBe(88);
});
