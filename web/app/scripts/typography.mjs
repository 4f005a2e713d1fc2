// Writes the no-break spaces and the apostrophe of French into the messages.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const folder = new URL('../messages/fr/', import.meta.url);

function typeset(text) {
  return text
    .replace(/[ \u00a0\u202f]+([;!?»])/g, '\u202f$1')
    .replace(/«[ \u00a0\u202f]*/g, '«\u202f')
    .replace(/[ \u00a0\u202f]+:/g, '\u00a0:')
    .replace(/(\d|\}) (?=(?:h|min|s|ko|Mo|cm|cm²|mm|kg|°C|%)(?:[^\p{L}²]|$))/gu, '$1\u00a0')
    .replace(/(\d\u00a0h) (?=\d)/g, '$1\u00a0')
    .replace(/(\p{L})'(?=\p{L})/gu, '$1’')
    .replace(/\.\.\./g, '…');
}

const each = (texts) => Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, typeset(text)]));

/** A text, or its forms by number or sex. */
const message = (value) =>
  typeof value === 'string' ? typeset(value) : value.map((form) => ({ ...form, match: each(form.match) }));

for (const name of readdirSync(folder)) {
  const file = new URL(name, folder);
  const texts = JSON.parse(readFileSync(file, 'utf8'));
  const after = Object.fromEntries(Object.entries(texts).map(([key, value]) => [key, message(value)]));
  writeFileSync(file, `${JSON.stringify(after, null, 2)}\n`);
}
