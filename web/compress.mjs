// Copies a built page to where the server embeds it from, with a Brotli and a gzip form of each file that gets
// smaller by it: `node compress.mjs FROM TO`. Files that did not change are left alone, others than those of FROM go.

import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const [from, to] = process.argv.slice(2);
/** A form that saves less than this share is not worth choosing. */
const WORTH = 0.95;

const isOurs = (path) => !path.split('/').some((name) => name.startsWith('.'));
const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter(isOurs);

const contentOf = (path) => {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
};

const brotli = (bytes) =>
  brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
const FORMS = { '.br': brotli, '.gz': (bytes) => gzipSync(bytes, { level: 9 }) };

const kept = new Set();
for (const path of filesOf(from)) {
  const bytes = readFileSync(join(from, path));
  const target = join(to, path);
  const there = contentOf(target);
  const fresh = there !== null && there.equals(bytes);
  if (!fresh) mkdirSync(dirname(target), { recursive: true });
  for (const [suffix, compress] of Object.entries(FORMS)) {
    // Written before the file itself: where that is as it should be, so are its forms.
    if (fresh) {
      if (contentOf(target + suffix) !== null) kept.add(path + suffix);
      continue;
    }
    const form = compress(bytes);
    if (form.length < bytes.length * WORTH) {
      writeFileSync(target + suffix, form);
      kept.add(path + suffix);
    }
  }
  if (!fresh) writeFileSync(target, bytes);
  kept.add(path);
}
for (const path of filesOf(to)) {
  if (!kept.has(path)) rmSync(join(to, path));
}
