import { expect, test } from 'vitest';
import { areaMm2, EMPTY, filled, isEmpty, millimetres } from '$lib/wounds/assessment';
import { parseOnset } from '$lib/wounds/onset';
import { siteAt } from '$lib/wounds/sites';

test('centimetres as typed become millimetres', () => {
  expect(millimetres('3,2')).toBe(32);
  expect(millimetres('0.45')).toBe(5);
  expect(millimetres(' ')).toBeNull();
  expect(millimetres('deux')).toBeUndefined();
  expect(millimetres('-1')).toBeUndefined();
  expect(millimetres('101')).toBeUndefined();
});

test('the area needs both sides', () => {
  expect(areaMm2({ ...EMPTY, length: '3,2', width: '2,1' })).toBe(672);
  expect(areaMm2({ ...EMPTY, length: '3,2' })).toBeNull();
});

test('nothing noted, a wrong size or shares that do not add up make no record', () => {
  expect(filled(EMPTY, null)).toMatchObject({ found: null, nothing: true });
  expect(filled({ ...EMPTY, length: 'x' }, null)).toMatchObject({ found: null, wrong: ['length'] });
  const half = { ...EMPTY, tissue: { ...EMPTY.tissue, slough: 50 } };
  expect(filled(half, null)).toMatchObject({ found: null, tissueWrong: true });
  expect(isEmpty({ ...EMPTY, pain: 0 })).toBe(false);
});

test('a record is linked to its photo, and no exudate has no kind', () => {
  const draft = { ...EMPTY, length: '3', exudate: 'none' as const, exudateType: 'serous' as const };
  expect(filled(draft, 'photo').found).toMatchObject({ photo: 'photo', lengthMm: 30, exudateType: null });
});

test('since when: a day, a month or a year that has begun', () => {
  const now = new Date(2026, 9, 14);
  expect(parseOnset('02/09/2026', now)).toEqual({ year: 2026, month: 9, day: 2 });
  expect(parseOnset('09/2026', now)).toEqual({ year: 2026, month: 9, day: 0 });
  expect(parseOnset('2026', now)).toEqual({ year: 2026, month: 0, day: 0 });
  expect(parseOnset('11/2026', now)).toBeNull();
  expect(parseOnset('13/2025', now)).toBeNull();
  expect(parseOnset('31/02/2026', now)).toBeNull();
});

test('the left of the patient is on the right of the front, and on the left of the back', () => {
  expect(siteAt({ view: 'back', x: 400, y: 925 })).toMatchObject({ words: 'Talon', laterality: 'left' });
  expect(siteAt({ view: 'front', x: 590, y: 695 })).toMatchObject({ words: 'Genou', laterality: 'left' });
  expect(siteAt({ view: 'back', x: 500, y: 443 })).toMatchObject({ words: 'Sacrum', laterality: 'midline' });
});
