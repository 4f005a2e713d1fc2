import { flushSync } from 'svelte';
import { beforeEach, expect, it, vi } from 'vitest';
import { live, type Live } from '../../src/lib/live.svelte';
import type { RelaisEvent } from '../../src/lib/relais';

const listeners = new Set<(events: RelaisEvent[]) => void>();
vi.mock('../../src/lib/relais', () => ({
  relais: {
    onEvents(listener: (events: RelaisEvent[]) => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  },
}));

const tell = (...events: RelaisEvent[]) => listeners.forEach((listener) => listener(events));
beforeEach(() => listeners.clear());

/** Questions that are answered by hand. */
function questions() {
  const answers: ((value: string) => void)[] = [];
  const refusals: ((reason: unknown) => void)[] = [];
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      answers.push(resolve);
      refusals.push(reject);
    });
  return { answers, refusals, ask };
}

function watch<T>(query: () => Promise<T>): { value: Live<T>; stop: () => void } {
  let value!: Live<T>;
  const stop = $effect.root(() => {
    value = live(query, ['threadsChanged']);
  });
  flushSync();
  return { value, stop };
}

const settle = () => new Promise((done) => setTimeout(done));

it('asks at once, and again when it may have changed; the old value stays meanwhile', async () => {
  const { answers, ask } = questions();
  const { value, stop } = watch(ask);
  expect(value.loading).toBe(true);
  answers[0]!('one');
  await settle();
  expect(value.value).toBe('one');
  tell({ type: 'peopleChanged' });
  expect(answers).toHaveLength(1);
  tell({ type: 'threadsChanged' });
  expect([answers.length, value.value]).toEqual([2, 'one']);
  answers[1]!('two');
  await settle();
  expect(value.value).toBe('two');
  stop();
  expect(listeners.size).toBe(0);
});

it('asks once more for any number of changes during a question', async () => {
  const { answers, ask } = questions();
  const { value, stop } = watch(ask);
  for (let change = 0; change < 5; change += 1) tell({ type: 'missed' });
  expect(answers).toHaveLength(1);
  answers[0]!('stale');
  await settle();
  expect(answers).toHaveLength(2);
  answers[1]!('fresh');
  await settle();
  expect([value.value, answers.length]).toEqual(['fresh', 2]);
  stop();
});

it('never shows the answer of another thread', async () => {
  const { answers, ask } = questions();
  let thread = $state('a');
  const { value, stop } = watch(() => {
    void thread;
    return ask();
  });
  answers[0]!('of a');
  await settle();
  tell({ type: 'threadsChanged' });
  thread = 'b';
  flushSync();
  expect(value.value).toBeUndefined();
  answers[1]!('late, of a');
  await settle();
  expect(value.value).toBeUndefined();
  answers[2]!('of b');
  await settle();
  expect(value.value).toBe('of b');
  stop();
});

it('keeps the value beside an error', async () => {
  const { answers, refusals, ask } = questions();
  const { value, stop } = watch(ask);
  answers[0]!('one');
  await settle();
  tell({ type: 'threadsChanged' });
  refusals[1]!(new Error('no'));
  await settle();
  expect([value.value, value.error]).toEqual(['one', new Error('no')]);
  stop();
});
