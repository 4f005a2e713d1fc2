/** What is drawn on a picture before it is sent. Places are shares of its width and height, 0 to 1. */

export interface Point {
  x: number;
  y: number;
}

export type Tool = 'blur' | 'arrow' | 'circle' | 'pen';
export type Mark = { tool: Tool; points: Point[] };

/** The picture has so many tiles along its longer side where it is made unreadable. */
const TILES = 24;

type Context = OffscreenCanvasRenderingContext2D;

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The rectangle between the first and the last point. */
export function boxOf({ points }: Mark): Box {
  const [a, b] = [points[0] ?? { x: 0, y: 0 }, points.at(-1) ?? { x: 0, y: 0 }];
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return { x, y, width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) };
}

/** A mark in the middle, for those who do not draw: it is moved with the arrow keys. */
export function centred(tool: Tool): Mark {
  return {
    tool,
    points: [
      { x: 0.35, y: 0.4 },
      { x: 0.65, y: 0.6 },
    ],
  };
}

/** A mark moved, or its end moved, and kept on the picture. */
export function moved(mark: Mark, dx: number, dy: number, endOnly = false): Mark {
  const last = mark.points.length - 1;
  const keep = (value: number) => Math.min(1, Math.max(0, value));
  return {
    ...mark,
    points: mark.points.map((point, index) =>
      endOnly && index !== last ? point : { x: keep(point.x + dx), y: keep(point.y + dy) },
    ),
  };
}

/** Too small to have been meant. */
export function isNothing(mark: Mark): boolean {
  const { width, height } = boxOf(mark);
  return mark.tool !== 'pen' && Math.max(width, height) < 0.02;
}

/** Writes the marks into the pixels: what lay beneath is not in the picture any more. */
export function bake(canvas: OffscreenCanvas, marks: readonly Mark[]): OffscreenCanvas {
  const baked = new OffscreenCanvas(canvas.width, canvas.height);
  const context = baked.getContext('2d');
  if (!context) throw new Error('no canvas');
  context.drawImage(canvas, 0, 0);
  // First what must not be seen, then what points.
  for (const mark of marks) if (mark.tool === 'blur') pixelate(context, mark);
  for (const mark of marks) if (mark.tool !== 'blur') draw(context, mark);
  return baked;
}

function pixelate(context: Context, mark: Mark): void {
  const { width, height } = context.canvas;
  const tile = Math.max(8, Math.round(Math.max(width, height) / TILES));
  const box = boxOf(mark);
  const [left, top] = [Math.floor((box.x * width) / tile) * tile, Math.floor((box.y * height) / tile) * tile];
  const right = Math.min(width, Math.ceil(((box.x + box.width) * width) / tile) * tile);
  const bottom = Math.min(height, Math.ceil(((box.y + box.height) * height) / tile) * tile);
  for (let x = left; x < right; x += tile)
    for (let y = top; y < bottom; y += tile) {
      const [w, h] = [Math.min(tile, right - x), Math.min(tile, bottom - y)];
      const { data } = context.getImageData(x, y, w, h);
      let [red, green, blue] = [0, 0, 0];
      for (let at = 0; at < data.length; at += 4) {
        red += data[at] ?? 0;
        green += data[at + 1] ?? 0;
        blue += data[at + 2] ?? 0;
      }
      const count = data.length / 4;
      context.fillStyle = `rgb(${red / count} ${green / count} ${blue / count})`;
      context.fillRect(x, y, w, h);
    }
}

function draw(context: Context, mark: Mark): void {
  const { width, height } = context.canvas;
  const line = Math.max(3, Math.max(width, height) / 180);
  const path = new Path2D(pathOf(mark, width, height));
  context.lineCap = context.lineJoin = 'round';
  // Seen on light and on dark skin.
  context.strokeStyle = '#05090b';
  context.lineWidth = line * 2;
  context.stroke(path);
  context.strokeStyle = '#fff';
  context.lineWidth = line;
  context.stroke(path);
}

/** The lines of a mark as an SVG path, in a picture of this size. */
export function pathOf(mark: Mark, width: number, height: number): string {
  const at = ({ x, y }: Point) => `${(x * width).toFixed(1)} ${(y * height).toFixed(1)}`;
  if (mark.tool === 'pen') return mark.points.map((point, i) => `${i ? 'L' : 'M'}${at(point)}`).join('');
  const box = boxOf(mark);
  if (mark.tool === 'circle') {
    const [rx, ry] = [(box.width * width) / 2, (box.height * height) / 2];
    const [cx, cy] = [box.x * width + rx, box.y * height + ry];
    return `M${cx - rx} ${cy}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0`;
  }
  if (mark.tool === 'blur') {
    const [x, y, w, h] = [box.x * width, box.y * height, box.width * width, box.height * height];
    return `M${x} ${y}h${w}v${h}h${-w}z`;
  }
  const [from, to] = [mark.points[0], mark.points.at(-1)];
  if (!from || !to) return '';
  const angle = Math.atan2((to.y - from.y) * height, (to.x - from.x) * width);
  const head = Math.max(width, height) / 24;
  const wing = (turn: number) =>
    `${(to.x * width - head * Math.cos(angle + turn)).toFixed(1)} ${(to.y * height - head * Math.sin(angle + turn)).toFixed(1)}`;
  return `M${at(from)}L${at(to)}M${wing(0.5)}L${at(to)}L${wing(-0.5)}`;
}
