import { describe, expect, it } from 'vitest';
import { dayToMs } from '$lib/format';
import type { Member } from '$lib/relais';
import {
  byRole,
  keepsManager,
  memberDraft,
  memberProblems,
  newMember,
  pastShared,
  toNewMember,
  untilText,
} from './member';

const NOW = new Date(2026, 9, 14, 14, 30).getTime();
const member = (given: Partial<Member>): Member => ({
  person: 'a',
  name: 'Claire Morvan',
  role: 'contributor',
  expiresAtMs: null,
  note: null,
  confirmed: true,
  verification: 'never',
  readSeq: 0,
  reachability: { type: 'upToDate' },
  ...given,
});

describe('a place in a circle', () => {
  it('starts as a writer of the care team without an end', () => {
    expect(toNewMember(newMember('a'), { type: 'nothing' })).toEqual({
      person: 'a',
      role: 'contributor',
      roleText: '',
      basis: 'careTeam',
      consentDate: null,
      expiresAtMs: null,
      past: { type: 'nothing' },
    });
  });

  it('needs the day of a consent, and no other basis carries one', () => {
    const day = { year: 2026, month: 10, day: 10 };
    expect(memberProblems({ ...newMember('a'), basis: 'consent' }, NOW)).toEqual(['consentDate']);
    expect(memberProblems({ ...newMember('a'), basis: 'consent', consentDate: day }, NOW)).toEqual([]);
    expect(toNewMember({ ...newMember('a'), consentDate: day }, { type: 'nothing' }).consentDate).toBeNull();
  });

  it('ends in the evening of its last day, which may be today', () => {
    const until = { year: 2026, month: 10, day: 14 };
    expect(memberProblems({ ...newMember('a'), until }, NOW)).toEqual([]);
    expect(memberProblems({ ...newMember('a'), until: { ...until, day: 13 } }, NOW)).toEqual(['until']);
    const sent = toNewMember({ ...newMember('a'), until }, { type: 'nothing' });
    expect(sent.expiresAtMs).toBe(new Date(2026, 9, 14, 23, 59, 59, 999).getTime());
    expect(memberDraft(member({ expiresAtMs: sent.expiresAtMs })).until).toEqual(until);
  });

  it('is due in its last week, and says when it has ended', () => {
    const end = (day: number) => dayToMs({ year: 2026, month: 10, day }, true);
    expect(untilText(null, NOW).due).toBe(false);
    expect(untilText(end(31), NOW).due).toBe(false);
    expect(untilText(end(17), NOW).due).toBe(true);
    expect(untilText(end(12), NOW)).toMatchObject({ due: true });
    expect(untilText(end(12), NOW).text).not.toBe(untilText(end(17), NOW).text);
  });
});

describe('a circle', () => {
  it('is sorted by what people may do, then by name', () => {
    const names = byRole([
      member({ person: '1', name: 'Zoé', role: 'reader' }),
      member({ person: '2', name: 'Étienne' }),
      member({ person: '3', name: 'Anne' }),
      member({ person: '4', name: 'Nadia', role: 'manager' }),
    ]).map(({ name }) => name);
    expect(names).toEqual(['Nadia', 'Anne', 'Étienne', 'Zoé']);
  });

  it('always keeps a manager without an end', () => {
    const alone = [member({ person: 'm', role: 'manager' }), member({ person: 'a' })];
    expect(keepsManager(alone, null, 'm')).toBe(false);
    expect(keepsManager(alone, null, 'a')).toBe(true);
    expect(keepsManager(alone, { ...newMember('m'), role: 'contributor' }, 'm')).toBe(false);
    expect(keepsManager(alone, { ...newMember('m'), role: 'manager' }, 'm')).toBe(true);
    const until = { year: 2026, month: 10, day: 31 };
    expect(keepsManager(alone, { ...newMember('m'), role: 'manager', until }, 'm')).toBe(false);
  });
});

describe('the past that is shared', () => {
  it('needs its first day where it has one', () => {
    expect(pastShared('since', null)).toBeNull();
    const day = { year: 2026, month: 10, day: 1 };
    expect(pastShared('since', day)).toEqual({ type: 'since', sinceMs: dayToMs(day) });
    expect(pastShared('everything', null)).toEqual({ type: 'everything' });
  });
});
