import { expect, it } from 'vitest';
import { fill, match } from '../../src/lib/router/match';
import { routes } from '../../src/routes';

it('reads parameters from a path', () => {
  expect(match('/', '/')).toEqual({});
  expect(match('/t/:thread', '/t/abc')).toEqual({ thread: 'abc' });
  expect(match('/t/:thread', '/t/a%2Fb/')).toEqual({ thread: 'a/b' });
  expect(match('/t/:thread', '/t')).toBeNull();
  expect(match('/t/:thread', '/t/%E0%A4%A')).toBeNull();
  expect(match('/t/:thread', '/t/abc/tasks')).toBeNull();
});

it('writes what it reads', () => {
  const path = fill('/team/:person/safety', { person: 'a/b é' });
  expect(match('/team/:person/safety', path)).toEqual({ person: 'a/b é' });
});

it('has no two screens for one path', () => {
  const shapes = Object.values(routes).map(({ path }) => path.replace(/:\w+/g, ':'));
  expect(new Set(shapes).size).toBe(shapes.length);
});
