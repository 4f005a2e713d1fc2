// Writes the no-break spaces and the apostrophe of French into the messages.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const folder = new URL('../messages/fr/', import.meta.url);
for (const name of readdirSync(folder)) {
  const file = new URL(name, folder);
  const before = readFileSync(file, 'utf8');
  const after = before.replace(/"(?:[^"\\]|\\.)*"(?!\s*:)/g, (text) =>
    text
      .replace(/[ \u00a0\u202f]+([;!?»])/g, '\u202f$1')
      .replace(/«[ \u00a0\u202f]*/g, '«\u202f')
      .replace(/[ \u202f]+:/g, '\u00a0:')
      .replace(/(\d|\}) (h|min|s|ko|Mo|cm|mm|kg|°C|%)(?=[^\p{L}]|$)/gu, '$1\u00a0$2')
      .replace(/(\d\u00a0h) (\d)/g, '$1\u00a0$2')
      .replace(/(\p{L})'(?=\p{L})/gu, '$1’')
      .replace(/\.\.\./g, '…'),
  );
  if (after !== before) writeFileSync(file, after);
}
