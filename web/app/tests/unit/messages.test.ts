import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ERRORS } from '../../src/lib/errors';

type Message = string | { match: Record<string, string> }[];

const folder = join(import.meta.dirname, '../../messages');
const files = readdirSync(join(folder, 'fr'));

function read(language: string): Map<string, Message> {
  const messages = new Map<string, Message>();
  for (const file of files) {
    const texts = JSON.parse(readFileSync(join(folder, language, file), 'utf8')) as Record<string, Message>;
    for (const [key, message] of Object.entries(texts)) {
      expect(messages.has(key), `${key} is there twice`).toBe(false);
      messages.set(key, message);
    }
  }
  return messages;
}

const french = read('fr');
const english = read('en');
const forms = (message: Message | undefined) =>
  typeof message === 'string' ? [message] : (message ?? []).flatMap(({ match }) => Object.values(match));
const holes = (message: Message | undefined) =>
  [
    ...new Set(forms(message).flatMap((form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))),
  ].sort();

it('says the same things in both languages', () => {
  expect([...english.keys()].sort()).toEqual([...french.keys()].sort());
  for (const [key, message] of french) {
    expect(forms(english.get(key)).join('').trim(), key).not.toBe('');
    // A sex that a language does not need to say may be missing there.
    const optional = (name: string | undefined) => name !== 'sex';
    expect(holes(english.get(key)).filter(optional), key).toEqual(holes(message).filter(optional));
  }
});

it('writes French with its own spaces and apostrophe', () => {
  for (const [key, message] of french) {
    for (const form of forms(message)) {
      expect(form, key).not.toMatch(/[^\u202f][;!?»]/);
      expect(form, key).not.toMatch(/«[^\u202f]/);
      expect(form.replace(/https?:\/\//g, ''), key).not.toMatch(/[^\u00a0\d]:(?!\d)/);
      expect(form, key).not.toMatch(/'|\.\.\./);
      expect(form, key).not.toMatch(/\d (h|min|°C|kg|cm|%)(?!\p{L})/u);
    }
  }
});

it('has a sentence for what happened and what to do, for every error', () => {
  for (const code of Object.keys(ERRORS)) {
    for (const key of [`error_${code}`, `error_${code}_todo`]) {
      for (const messages of [french, english]) {
        const [text] = forms(messages.get(key));
        expect(text, key).toMatch(/^\p{Lu}.*[.!?]$/u);
        expect(text, key).not.toContain(code.includes('_') ? code : '\0');
      }
    }
  }
});
