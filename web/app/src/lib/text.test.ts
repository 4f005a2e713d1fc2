import { expect, it } from 'vitest';
import { matches } from './text';

it('finds words by their beginnings, without accents, case and ligatures', () => {
  expect(matches('Françoise LEFÈVRE-CŒUR', 'coeur fran')).toBe(true);
  expect(matches('Françoise LEFÈVRE-CŒUR', 'lefevre')).toBe(true);
  expect(matches('Françoise LEFÈVRE-CŒUR', 'evre')).toBe(false);
  expect(matches('Jeanne d’Arc', "d'arc")).toBe(true);
  expect(matches('Jeanne', '')).toBe(true);
});
