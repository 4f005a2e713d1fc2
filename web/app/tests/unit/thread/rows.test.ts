import { expect, test } from 'vitest';
import type { Content, TimelineItem } from '$lib/relais';
import { rowsOf, splice } from '$lib/thread/rows';

const NOON = new Date(2026, 9, 14, 12, 0).getTime();
const MINUTE = 60_000;
const text = (words: string): Content => ({
  type: 'message',
  text: words,
  priority: 'normal',
  replyTo: null,
});

function said(seq: number | null, author: string, minutes: number, content = text(`${seq}`)): TimelineItem {
  return {
    seq,
    timeMs: NOON + minutes * MINUTE,
    author,
    authorName: author,
    state: seq === null ? { type: 'waiting' } : { type: 'sent', to: 0, of: 2 },
    body: { type: 'event', event: `e${seq ?? `w${minutes}`}`, content },
  };
}

const reading = { me: 'me', readSeq: null, unread: 0, breaks: [] };
const shape = (items: TimelineItem[], how = {}) =>
  rowsOf(items, { ...reading, ...how }).map((row) =>
    row.kind === 'item' ? `${row.key}${row.first ? '' : '+'}` : row.kind,
  );

test('messages of one person within five minutes are one group', () => {
  const items = [said(1, 'a', 0), said(2, 'a', 4), said(3, 'a', 10), said(4, 'b', 11), said(5, 'b', 12)];
  expect(shape(items)).toEqual(['day', 'e1', 'e2+', 'e3', 'e4', 'e5+']);
});

test('days stand between items, and groups end with them', () => {
  expect(shape([said(1, 'a', 719), said(2, 'a', 721)])).toEqual(['day', 'e1', 'day', 'e2']);
});

test('the line stands before the first unread item of somebody else', () => {
  const items = [said(1, 'a', 0), said(2, 'me', 1), said(3, 'a', 2), said(4, 'a', 3)];
  expect(shape(items, { readSeq: 1 })).toEqual(['day', 'e1', 'e2', 'unread', 'e3', 'e4+']);
  expect(shape(items, { readSeq: 4 })).not.toContain('unread');
  expect(shape(items)).not.toContain('unread');
});

test('the line tells how much is new, also of what is not loaded', () => {
  const items = [said(3, 'a', 2), said(4, 'a', 3)];
  const count = (unread: number) =>
    rowsOf(items, { ...reading, readSeq: 1, unread }).find((row) => row.kind === 'unread')?.count;
  expect(count(0)).toBe(2);
  expect(count(500)).toBe(500);
});

test('nothing is grouped across the beginning of a page', () => {
  const items = [said(1, 'a', 0), said(2, 'a', 1)];
  expect(shape(items, { breaks: [2] })).toEqual(['day', 'e1', 'e2']);
});

test('keys are unique when a clock brings a day back', () => {
  const keys = rowsOf([said(1, 'a', 0), said(2, 'a', 1440), said(3, 'a', 1)], reading).map((row) => row.key);
  expect(new Set(keys).size).toBe(keys.length);
});

test('what is read again replaces what was there, the unsettled with the end', () => {
  const items = [said(1, 'a', 0), said(2, 'a', 1), said(3, 'a', 2), said(null, 'me', 3)];
  const seqs = (all: TimelineItem[]) => all.map((item) => item.seq);
  expect(seqs(splice(items, 1, Infinity, [said(2, 'a', 1), said(3, 'a', 2), said(4, 'me', 3)]))).toEqual([
    1, 2, 3, 4,
  ]);
  expect(seqs(splice(items, 0, 2, [said(2, 'a', 1)]))).toEqual([2, 3, null]);
});
