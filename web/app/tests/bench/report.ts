/** Figures of a run, each under its name, kept in the file that the command names. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const FILE = process.env.RELAIS_BENCH_JSON;

export function median(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new Error('nothing was measured');
  return middle;
}

/** Three digits say enough. */
const rounded = (value: number) => Number(value.toPrecision(3));

export function report(figures: Record<string, number>): void {
  for (const [name, value] of Object.entries(figures)) {
    const shown = rounded(value);
    console.log(`${name.padEnd(44)} ${shown}`);
    if (FILE) {
      const known = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as object) : {};
      writeFileSync(FILE, `${JSON.stringify({ ...known, [name]: shown }, null, 2)}\n`);
    }
  }
}
