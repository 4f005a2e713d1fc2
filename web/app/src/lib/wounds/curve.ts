/** The curve of an area over time, in a box of given size. */

export interface CurvePoint {
  timeMs: number;
  /** In cm². */
  value: number;
}

export interface Curve {
  points: (CurvePoint & { x: number; y: number })[];
  /** Lines across, from zero up. */
  ticks: { value: number; y: number }[];
  line: string;
  /** The ground under the line. */
  ground: string;
}

export interface Frame {
  width: number;
  height: number;
  top: number;
  right: number;
  bottom: number;
  left: number;
}

/** A step of 1, 2 or 5 times a power of ten that makes at most so many lines. */
export function niceStep(most: number, lines = 4): number {
  if (most <= 0) return 1;
  const raw = most / lines;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((one) => one * power >= raw - 1e-9) ?? 10;
  return factor * power;
}

/** The axis begins at zero, so that a change looks as large as it is; times are to scale. */
export function curveOf(values: readonly CurvePoint[], frame: Frame): Curve {
  const most = Math.max(0, ...values.map((point) => point.value));
  const step = niceStep(most);
  const highest = Math.max(step, Math.ceil(most / step - 1e-9) * step);
  const [first, last] = [values[0]?.timeMs ?? 0, values.at(-1)?.timeMs ?? 0];
  const inner = {
    width: frame.width - frame.left - frame.right,
    height: frame.height - frame.top - frame.bottom,
  };
  const x = (ms: number) =>
    last === first
      ? frame.left + inner.width / 2
      : frame.left + ((ms - first) / (last - first)) * inner.width;
  const y = (value: number) => frame.top + (1 - value / highest) * inner.height;
  const points = values.map((point) => ({ ...point, x: x(point.timeMs), y: y(point.value) }));
  const count = Math.round(highest / step);
  const ticks = Array.from({ length: count + 1 }, (_, index) => ({
    value: index * step,
    y: y(index * step),
  }));
  const line = points
    .map((point, index) => `${index ? 'L' : 'M'}${point.x.toFixed(1)} ${point.y.toFixed(1)}`)
    .join('');
  const [begin, end] = [points[0], points.at(-1)];
  const ground =
    begin && end && points.length > 1
      ? `${line}L${end.x.toFixed(1)} ${y(0).toFixed(1)}L${begin.x.toFixed(1)} ${y(0).toFixed(1)}Z`
      : '';
  return { points, ticks, line, ground };
}

/** Which points are named beneath: never two so near that their names touch. */
export function named(points: readonly { x: number }[], apart: number): number[] {
  const chosen: number[] = [];
  for (let index = points.length - 1; index >= 0; index--) {
    const before = chosen.at(-1);
    const [here, there] = [points[index]?.x ?? 0, before === undefined ? Infinity : (points[before]?.x ?? 0)];
    if (there - here >= apart) chosen.push(index);
  }
  return chosen.reverse();
}
