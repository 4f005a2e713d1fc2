/** Somebody's place in a circle while it is filled in, and the words for what the core says of it. */
import { m } from '$messages';
import { dayToMs, formatDate, formatDay, formatMoment, msToDay } from '$lib/format';
import { basisName, professionName } from '$lib/labels';
import type {
  Basis,
  CalendarDate,
  Content,
  HistoryKind,
  Member,
  MemberRole,
  NewMember,
  PastShared,
  Person,
  Reachability,
} from '$lib/relais';

export interface MemberDraft {
  person: string;
  role: MemberRole;
  /** In words; empty for the name of the profession. */
  roleText: string;
  basis: Basis;
  consentDate: CalendarDate | null;
  /** Last day in the circle. */
  until: CalendarDate | null;
}

export type PastKind = PastShared['type'];

/** Somebody new: writes, belongs to the care team, without an end. */
export function newMember(person: string): MemberDraft {
  return { person, role: 'contributor', roleText: '', basis: 'careTeam', consentDate: null, until: null };
}

export type MembershipNote = Extract<Content, { type: 'membershipNote' }>;

export function noteOf(member: Pick<Member, 'note'>): MembershipNote | null {
  return member.note?.type === 'membershipNote' ? member.note : null;
}

export function memberDraft(member: Member): MemberDraft {
  const note = noteOf(member);
  return {
    person: member.person,
    role: member.role ?? 'contributor',
    roleText: note?.roleText ?? '',
    basis: note?.basis ?? 'careTeam',
    consentDate: note?.consentDate ?? null,
    until: member.expiresAtMs ? msToDay(member.expiresAtMs) : null,
  };
}

export type MemberProblem = 'consentDate' | 'until';

export function memberProblems(draft: MemberDraft, now = Date.now()): MemberProblem[] {
  const found: MemberProblem[] = [];
  if (draft.basis === 'consent' && !draft.consentDate) found.push('consentDate');
  if (draft.until && dayToMs(draft.until, true) <= now) found.push('until');
  return found;
}

/** As the core takes it: the day of a consent goes with that basis alone. */
export function toNewMember(draft: MemberDraft, past: PastShared): NewMember {
  return {
    person: draft.person,
    role: draft.role,
    roleText: draft.roleText.trim(),
    basis: draft.basis,
    consentDate: draft.basis === 'consent' ? draft.consentDate : null,
    expiresAtMs: draft.until ? dayToMs(draft.until, true) : null,
    past,
  };
}

export function pastShared(kind: PastKind, since: CalendarDate | null): PastShared | null {
  if (kind !== 'since') return { type: kind };
  return since ? { type: 'since', sinceMs: dayToMs(since) } : null;
}

/** "équipe de soins", "consentement du 12/03/2026". */
export function basisText(basis: Basis | null, consentDate: CalendarDate | null): string {
  return basis === 'consent' && consentDate
    ? m.member_consent_of({ day: formatDay(consentDate) })
    : basisName(basis);
}

/** As `placeText`, of somebody who is in: who opened the thread has no basis written. */
export function placeOf(member: Pick<Member, 'note'>, person: Person | undefined): string {
  const note = noteOf(member);
  const lay = person?.standing === 'coordinator' && !person.card?.profession;
  const role = note?.roleText || (lay ? m.standing_coordinator() : professionName(person?.card?.profession));
  return note ? `${role} · ${basisText(note.basis, note.consentDate)}` : role;
}

/** "Infirmière remplaçante · équipe de soins": the role in words, else the profession. */
export function placeText(draft: MemberDraft, profession: number | null | undefined): string {
  return `${draft.roleText || professionName(profession)} · ${basisText(draft.basis, draft.consentDate)}`;
}

export interface Until {
  text: string;
  due: boolean;
}

const WEEK = 7 * 24 * 3_600_000;

/** "sans fin", "jusqu’au 31 oct.", "terminé le …"; due in the last week. */
export function untilText(expiresAtMs: number | null, now = Date.now()): Until {
  if (expiresAtMs === null) return { text: m.member_no_end(), due: false };
  const day = formatDate(expiresAtMs, now);
  if (expiresAtMs <= now) return { text: m.member_ended({ day }), due: true };
  return { text: m.member_until({ day }), due: expiresAtMs - now < WEEK };
}

export interface Reach {
  text: string;
  tone: 'done' | 'due';
}

export function reachText(reachability: Reachability, now = Date.now()): Reach {
  switch (reachability.type) {
    case 'upToDate':
      return { text: m.reach_up_to_date(), tone: 'done' };
    case 'behind':
      return { text: m.reach_behind({ when: formatMoment(reachability.sinceMs, now) }), tone: 'due' };
    case 'noDevice':
      return { text: m.reach_no_device(), tone: 'due' };
  }
}

/** What of the past somebody was promised. */
export function historyText(kind: HistoryKind | null, sinceMs: number | null): string {
  switch (kind) {
    case 'all':
      return m.history_had_all();
    case 'summary':
      return m.history_had_summary();
    case 'since':
      return sinceMs ? m.history_had_since({ day: formatDate(sinceMs) }) : m.history_had_all();
    case 'requested':
      return m.history_had_requested();
    default:
      return m.history_had_none();
  }
}

/** Managers first, then those who write, then readers; by name; oneself at the end of none. */
export function byRole(members: readonly Member[]): Member[] {
  const rank: Record<MemberRole, number> = { manager: 0, contributor: 1, reader: 2 };
  const of = (member: Member) => rank[member.role ?? 'reader'];
  return [...members].sort((a, b) => of(a) - of(b) || a.name.localeCompare(b.name, 'fr'));
}

/** Whether somebody manages for good when `person` has this role and end: else nobody could. */
export function keepsManager(
  members: readonly Member[],
  changed: MemberDraft | null,
  person: string,
): boolean {
  if (changed && changed.role === 'manager' && !changed.until) return true;
  return members.some((other) => other.person !== person && other.role === 'manager' && !other.expiresAtMs);
}
