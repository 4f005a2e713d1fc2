import { expect, test } from 'vitest';
import { curveOf, named, niceStep } from '$lib/wounds/curve';

const FRAME = { width: 340, height: 140, top: 20, right: 40, bottom: 20, left: 0 };
const DAY = 86_400_000;

test('steps are 1, 2 or 5 times a power of ten', () => {
  expect(niceStep(7)).toBe(2);
  expect(niceStep(4)).toBe(1);
  expect(niceStep(0.9)).toBeCloseTo(0.5);
  expect(niceStep(120)).toBe(50);
  expect(niceStep(0)).toBe(1);
});

test('the axis begins at zero, and reaches over the largest value', () => {
  const { ticks } = curveOf(
    [
      { timeMs: 0, value: 6.9 },
      { timeMs: DAY, value: 5.3 },
    ],
    FRAME,
  );
  expect(ticks.map((tick) => tick.value)).toEqual([0, 2, 4, 6, 8]);
  expect(ticks[0]?.y).toBe(120);
  expect(ticks.at(-1)?.y).toBe(20);
});

test('times and areas are to scale', () => {
  const values = [
    { timeMs: 0, value: 8 },
    { timeMs: DAY, value: 4 },
    { timeMs: 4 * DAY, value: 0 },
  ];
  const { points } = curveOf(values, FRAME);
  expect(points.map((point) => point.x)).toEqual([0, 75, 300]);
  expect(points.map((point) => point.y)).toEqual([20, 70, 120]);
});

test('one value stands in the middle, without a line to anything', () => {
  const { points, ground } = curveOf([{ timeMs: 5, value: 2 }], FRAME);
  expect(points[0]?.x).toBe(150);
  expect(ground).toBe('');
});

test('a wound that closed is drawn on the ground', () => {
  const { ticks, points } = curveOf([{ timeMs: 0, value: 0 }], FRAME);
  expect(ticks.map((tick) => tick.value)).toEqual([0, 1]);
  expect(points[0]?.y).toBe(120);
});

test('names beneath stand apart, the last one always there', () => {
  expect(named([{ x: 0 }, { x: 20 }, { x: 80 }, { x: 100 }], 60)).toEqual([1, 3]);
  expect(named([], 60)).toEqual([]);
});
