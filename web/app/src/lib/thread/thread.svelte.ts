/** One thread, for its screens: where it stands, whose it is, who is in its circle. */
import { live } from '$lib/live.svelte';
import { patientName, personName } from '$lib/labels';
import { relais, type Member, type PatientHeader, type Person, type ThreadSummary } from '$lib/relais';
import { session } from '$lib/session.svelte';

interface Kept {
  thread: string;
  summary?: ThreadSummary;
  header?: PatientHeader | null;
  members?: Member[];
  people?: Person[];
  openWounds?: number;
}

/** Of the thread that was shown last: its next screen has the banner at once. Goes with the lock. */
let kept: Kept | null = null;
relais.vault.onChange(() => (kept = null));

export interface ThreadView {
  readonly id: string;
  readonly summary: ThreadSummary | undefined;
  /** Nothing where there is none; undefined before it is known. */
  readonly header: PatientHeader | null | undefined;
  readonly members: Member[];
  /** Beside the person themself. */
  readonly others: Member[];
  readonly me: string;
  readonly mine: Member | undefined;
  readonly mayWrite: boolean;
  readonly manages: boolean;
  readonly openWounds: number | undefined;
  /** The patient's name, or the title. */
  readonly name: string;
  readonly error: unknown;
  /** The name of anybody of the practice: who has left the circle is still named. */
  nameOf(person: string | null): string;
  professionOf(person: string): number | null;
}

/** To be called while a screen of a thread is made. */
export function useThread(id: string): ThreadView {
  if (kept?.thread !== id) kept = { thread: id };
  const own = kept;
  const concerned = (event: { type: string; thread?: string }) =>
    event.type === 'threadsChanged' || (event.type === 'threadChanged' && event.thread === id);
  const summary = live(
    async () => (own.summary = await relais.call('thread', { thread: id })),
    (event) => concerned(event),
  );
  const header = live(
    async () => (own.header = (await relais.call('patientHeader', { thread: id }))?.header ?? null),
    (event) => concerned(event),
  );
  const members = live(
    async () => (own.members = await relais.call('members', { thread: id })),
    (event) => concerned(event) || event.type === 'peopleChanged',
  );
  const people = live(async () => (own.people = await relais.call('people', {})), ['peopleChanged']);
  const wounds = live(
    async () => {
      const all = await relais.call('wounds', { thread: id });
      return (own.openWounds = all.filter(({ status }) => status === 'open').length);
    },
    (event) => concerned(event),
  );
  const me = $derived(session.me?.person ?? '');
  const list = $derived(members.value ?? own.members ?? []);
  const mine = $derived(list.find((member) => member.person === me));
  const now = $derived(summary.value ?? own.summary);
  const patient = $derived(header.value === undefined ? own.header : header.value);
  const state = $derived(now?.state.type);
  const cards = $derived(
    Object.fromEntries((people.value ?? own.people ?? []).map((person) => [person.person, person.card])),
  );

  return {
    id,
    get summary() {
      return now;
    },
    get header() {
      return patient;
    },
    get members() {
      return list;
    },
    get others() {
      return list.filter((member) => member.person !== me);
    },
    get me() {
      return me;
    },
    get mine() {
      return mine;
    },
    get mayWrite() {
      const open = state === 'joined' || state === 'creating' || state === 'rejoining';
      return open && (!mine || mine.role === 'manager' || mine.role === 'contributor');
    },
    get manages() {
      return mine?.role === 'manager';
    },
    get openWounds() {
      return wounds.value ?? own.openWounds;
    },
    get name() {
      return patient ? patientName(patient) : (now?.title ?? '');
    },
    get error() {
      return summary.error ?? header.error ?? members.error;
    },
    nameOf(person) {
      const card = cards[person ?? ''];
      return card ? personName(card) : list.find((m) => m.person === person)?.name || personName(null);
    },
    professionOf(person) {
      return cards[person]?.profession ?? null;
    },
  };
}
