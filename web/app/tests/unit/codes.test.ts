import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ERRORS } from '../../src/lib/errors';

const source = (path: string) => readFileSync(join(import.meta.dirname, '../../../..', path), 'utf8');
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, code]) => code!);

const CODES = [
  ...all(source('client-core/src/error.rs'), /Self::\w+[^=]* => "(\w+)"/g),
  ...all(source('client-core/src/denial.rs'), /^ {4}\w+ "(\w+)" "/gm),
  ...all(source('client-core/src/identity/recovery/mod.rs'), /=> "(recovery_\w+)"/g),
  ...all(source('client-core/src/media/photo.rs'), /=> "(photo_\w+)"/g),
  ...['main.ts', 'vault/vault.ts'].flatMap((file) =>
    all(source(`web/app/src/worker/${file}`), /(?:failure\('\w+', |refusal\()'(\w+)'/g),
  ),
];

it('knows every code of the core and of the worker', () => {
  expect(CODES.length).toBeGreaterThan(70);
  expect([...new Set(CODES)].filter((code) => !ERRORS[code] && code !== 'not_allowed')).toEqual([]);
});
