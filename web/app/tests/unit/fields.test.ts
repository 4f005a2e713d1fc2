import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const SOURCES = join(import.meta.dirname, '../../src');
/** Nothing that is typed. */
const PLAIN = /type="(checkbox|radio|range)"/;

test('every field says what the browser may keep of it: else it writes what is typed to its own files', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.svelte'),
  );
  expect(files).not.toHaveLength(0);
  const silent = files.flatMap((file) => {
    const source = readFileSync(join(SOURCES, file), 'utf8');
    const fields = source.match(/<(input|textarea|select)\s(?:=>|[^>])*/g) ?? [];
    return fields.filter((field) => !PLAIN.test(field) && !/\bautocomplete\b/.test(field)).map(() => file);
  });
  expect(silent).toEqual([]);
});
