import { describe, expect, it } from 'vitest';
import type { CareTask, Content, PlacedTask, ToDoRow } from '$lib/relais';
import { deadlineOf, isMine, nameOf, reachOf, rowKey, taskGroups, waiting, whatOf, whoOf } from './todo';

const NOW = new Date(2026, 9, 14, 14, 32).getTime();
const HOUR = 3_600_000;
let count = 0;

const task = (given: Partial<CareTask> = {}): CareTask => ({
  task: `t${++count}`,
  title: 'Refaire le pansement',
  detail: '',
  requester: 'claire',
  owner: null,
  priority: 'normal',
  dueMs: null,
  status: 'open',
  actor: null,
  createdMs: NOW,
  changedMs: NOW,
  reason: '',
  pending: false,
  about: null,
  ...given,
});
const placed = (given: Partial<CareTask> = {}): PlacedTask => ({
  thread: 'th',
  title: 'Jeanne MARCHAND',
  patient: null,
  task: task(given),
});
const row = (given: Partial<ToDoRow> = {}): ToDoRow => ({
  thread: 'th',
  title: 'Mme Marchand, talon',
  patient: null,
  subject: { type: 'task', task: task({ task: 'x' }) },
  event: null,
  by: 'claire',
  byName: 'Claire Morvan',
  byProfession: 60,
  timeMs: NOW - 24 * 60_000,
  untilMs: null,
  thumbnail: null,
  delivered: 0,
  read: 0,
  of: 2,
  unread: 0,
  ...given,
});

describe('tasks across threads', () => {
  const kinds = (tasks: PlacedTask[], filter: 'mine' | 'untaken' | 'all' = 'all') =>
    taskGroups(tasks, filter, 'me', NOW).map((group) => [group.kind, group.tasks.length]);

  it('are grouped late first, then by day, those without a day last', () => {
    const tasks = [
      placed(),
      placed({ dueMs: NOW + 30 * HOUR }),
      placed({ dueMs: NOW + HOUR }),
      placed({ dueMs: NOW - HOUR }),
      placed({ dueMs: NOW - 40 * HOUR }),
    ];
    expect(kinds(tasks)).toEqual([
      ['late', 2],
      ['today', 1],
      ['later', 1],
      ['undated', 1],
    ]);
  });

  it('are urgent first, then by when, within a group', () => {
    const tasks = [
      placed({ task: 'b', dueMs: NOW - HOUR }),
      placed({ task: 'a', dueMs: NOW - 2 * HOUR }),
      placed({ task: 'u', dueMs: NOW - 1000, priority: 'urgent' }),
    ];
    const [late] = taskGroups(tasks, 'all', 'me', NOW);
    expect(late?.tasks.map((one) => one.task.task)).toEqual(['u', 'a', 'b']);
  });

  it('are mine when given to me or taken by me, not what somebody else took from me', () => {
    expect(isMine(task({ owner: 'me' }), 'me')).toBe(true);
    expect(isMine(task({ status: 'taken', actor: 'me' }), 'me')).toBe(true);
    expect(isMine(task({ owner: 'me', status: 'taken', actor: 'claire' }), 'me')).toBe(false);
    expect(isMine(task(), 'me')).toBe(false);
    expect(isMine(task({ owner: 'me', status: 'declined', actor: 'me' }), 'me')).toBe(false);
  });

  it('are to be taken when nobody was named, or somebody declined', () => {
    const tasks = [
      placed(),
      placed({ owner: 'claire' }),
      placed({ owner: 'claire', status: 'declined', actor: 'claire' }),
      placed({ status: 'taken', actor: 'me' }),
    ];
    expect(kinds(tasks, 'untaken')).toEqual([['undated', 2]]);
    expect(kinds(tasks, 'mine')).toEqual([['undated', 1]]);
  });
});

describe('a row of what there is to do', () => {
  it('is named by its patient, else by its thread', () => {
    expect(nameOf(row())).toBe('Mme Marchand, talon');
    const patient = {
      usedName: 'Marchand',
      birthName: 'LEROY',
      birthGivenNames: ['Jeanne'],
      birthDate: null,
      identityStatus: null,
    };
    expect(nameOf(row({ patient }))).toBe('Jeanne MARCHAND');
  });

  it('says what somebody did, who said nothing', () => {
    const said = (content: Content) => whatOf(row({ subject: { type: 'event', content } }));
    const change = { task: 'x', reason: '' };
    expect(said({ type: 'taskChanged', change: 'taken', ...change })).toContain('Claire Morvan');
    expect(said({ type: 'threadOpened', title: 'Talon' })).toContain('Claire Morvan');
    expect(said({ type: 'handoverAcknowledged', handover: 'x', synthesis: '' })).toContain('Claire Morvan');
  });

  it('says the kind of a request before what is asked', () => {
    const note = {
      situation: 'Talon rouge',
      background: '',
      assessment: '',
      request: 'Faut-il prélever ?',
      requestKind: 'advice',
      deadlineMs: null,
      receivers: [],
    } as const;
    const content: Content = { type: 'handover', note: { ...note, receivers: [] } };
    const asked = whatOf(row({ subject: { type: 'event', content } }));
    expect(asked).toContain('Faut-il prélever ?');
    expect(asked.indexOf('Faut-il')).toBeGreaterThan(0);
    const silent: Content = { type: 'handover', note: { ...note, request: '', receivers: [] } };
    expect(whatOf(row({ subject: { type: 'event', content: silent } }))).toContain('Talon rouge');
  });

  it('says who asks, and oneself without a name', () => {
    expect(whoOf(row(), 'me', NOW)).toContain('Claire Morvan');
    expect(whoOf(row(), 'claire', NOW)).not.toContain('Claire Morvan');
  });

  it('says how far it has come, reading first', () => {
    const texts = [row(), row({ delivered: 2 }), row({ delivered: 2, read: 1 })].map(reachOf);
    expect(new Set(texts).size).toBe(3);
    expect(texts[2]).toContain('1/2');
  });

  it('is late only after its time', () => {
    expect(deadlineOf(null, NOW)).toBeNull();
    expect(deadlineOf(NOW + HOUR, NOW)?.late).toBe(false);
    expect(deadlineOf(NOW - 1, NOW)?.late).toBe(true);
  });

  it('keeps its name when the list changes, and differs from others of its thread', () => {
    expect(rowKey(row())).toBe(rowKey(row({ read: 2 })));
    expect(
      rowKey(row({ subject: { type: 'event', content: { type: 'unsupported' } }, event: 'e' })),
    ).not.toBe(rowKey(row()));
  });

  it('is counted when it waits for somebody; what is only unread is not work', () => {
    expect(waiting({ urgent: [row()], toAnswer: [row(), row()], rest: [row()], more: true })).toBe(3);
  });
});
