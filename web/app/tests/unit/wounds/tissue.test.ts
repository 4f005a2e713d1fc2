import { expect, test } from 'vitest';
import { completed, NONE, rest, sharesToSend, total, withShare } from '$lib/wounds/tissue';

test('a share takes at most what the others leave', () => {
  const some = withShare(withShare(NONE, 'granulation', 60), 'slough', 50);
  expect(some).toEqual({ ...NONE, granulation: 60, slough: 40 });
  expect(rest(some)).toBe(0);
  expect(withShare(some, 'necrosis', 5).necrosis).toBe(0);
  expect(withShare(some, 'slough', -5).slough).toBe(0);
});

test('the rest goes to one tissue', () => {
  const full = completed(withShare(NONE, 'granulation', 65), 'epithelium');
  expect(full.epithelium).toBe(35);
  expect(total(full)).toBe(100);
});

test('all or nothing is sent', () => {
  expect(sharesToSend(NONE)).toBeNull();
  expect(sharesToSend({ ...NONE, slough: 100 })).toEqual({ ...NONE, slough: 100 });
  expect(sharesToSend({ ...NONE, slough: 95 })).toBeUndefined();
});
