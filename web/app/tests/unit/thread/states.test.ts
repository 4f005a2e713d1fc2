import { expect, test } from 'vitest';
import type { ItemState, Member, Reachability, TimelineItem } from '$lib/relais';
import { received, stateWords } from '$lib/thread/states';

function item(state: ItemState, seq: number | null = 7): TimelineItem {
  return {
    seq,
    timeMs: 0,
    author: 'me',
    authorName: 'Moi',
    state,
    body: { type: 'notice', kind: 'created', person: '', detail: '' },
  };
}

function member(person: string, readSeq: number, reachability: Reachability = { type: 'upToDate' }): Member {
  return {
    person,
    name: person,
    role: 'contributor',
    expiresAtMs: null,
    note: null,
    confirmed: true,
    verification: 'never',
    readSeq,
    reachability,
  };
}

const words = (state: ItemState, members: Member[] = [], seq: number | null = 7) =>
  stateWords(item(state, seq), members).text;

test('what has not left says so', () => {
  expect(words({ type: 'waiting' }, [], null)).toBe('En attente');
  expect(words({ type: 'inFlight' }, [], null)).toBe('En attente');
  expect(words({ type: 'failed', number: 1, reason: '' }, [], null)).toBe('Échec');
});

test('delivered and read are counted, and the author does not count', () => {
  const sent: ItemState = { type: 'sent', to: 2, of: 3 };
  expect(words({ type: 'sent', to: 0, of: 3 })).toBe('Envoyé');
  expect(words(sent, [member('me', 9), member('a', 6)])).toBe('Remis (2/3)');
  expect(words(sent, [member('me', 9), member('a', 7), member('b', 6)])).toBe('Lu (1/3)');
});

test('a reader who came later does not make more readers than receivers', () => {
  expect(words({ type: 'sent', to: 1, of: 1 }, [member('a', 8), member('late', 8)])).toBe('Lu (1/1)');
});

test('how far an item has come to each person', () => {
  const sent = item({ type: 'sent', to: 1, of: 4 });
  expect(received(sent, member('a', 7)).type).toBe('read');
  expect(received(sent, member('a', 6)).type).toBe('delivered');
  expect(received(sent, member('a', 0, { type: 'behind', seq: 7, sinceMs: 5 })).type).toBe('delivered');
  expect(received(sent, member('a', 0, { type: 'behind', seq: 6, sinceMs: 5 }))).toEqual({
    type: 'notYet',
    sinceMs: 5,
  });
  expect(received(sent, member('a', 0, { type: 'noDevice' })).type).toBe('noDevice');
  expect(received(item({ type: 'waiting' }, null), member('a', 0)).type).toBe('pending');
});
