import { expect, test } from 'vitest';
import { covered } from '$lib/camera/camera.svelte';
import { boxOf, centred, isNothing, moved, pathOf } from '$lib/camera/marks';

test('the picture is cut to what the view showed', () => {
  expect(covered(1600, 1200, 300, 400)).toEqual({ x: 350, y: 0, width: 900, height: 1200 });
  expect(covered(1600, 1200, 400, 200)).toEqual({ x: 0, y: 200, width: 1600, height: 800 });
});

test('a box is the same whichever way it was drawn', () => {
  const mark = {
    tool: 'blur' as const,
    points: [
      { x: 0.75, y: 0.5 },
      { x: 0.25, y: 0.75 },
    ],
  };
  expect(boxOf(mark)).toEqual({ x: 0.25, y: 0.5, width: 0.5, height: 0.25 });
  expect(pathOf(mark, 100, 100)).toBe('M25 50h50v25h-50z');
});

test('a touch alone is no mark', () => {
  const point = { x: 0.5, y: 0.5 };
  expect(isNothing({ tool: 'circle', points: [point, point] })).toBe(true);
  expect(isNothing(centred('circle'))).toBe(false);
});

test('a mark is moved whole, or its end alone, and stays on the picture', () => {
  const mark = centred('blur');
  expect(boxOf(moved(mark, 0.1, 0)).x).toBeCloseTo(0.45);
  expect(moved(mark, 0.1, 0, true).points[0]).toEqual(mark.points[0]);
  expect(moved(mark, 9, 9, true).points[1]).toEqual({ x: 1, y: 1 });
});
