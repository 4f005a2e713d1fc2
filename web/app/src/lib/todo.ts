/** What there is to do, in words: what is asked, by whom, until when, where it stands. */
import { m } from '$messages';
import { age, daysFromNow, formatAgo, formatMoment, formatTime } from '$lib/format';
import { patientName, professionName } from '$lib/labels';
import type { CareTask, PatientBrief, PlacedTask, RequestKind, ToDo, ToDoRow } from '$lib/relais';
import { eventLine, type Names } from '$lib/thread/words';
import type { IconName } from '$lib/ui/icons';
import type { Tone } from '$lib/ui/Tile.svelte';

/** Whom it is about: the patient, else the title of the thread. */
export function nameOf({ patient, title }: { patient: PatientBrief | null; title: string }): string {
  return patient ? patientName(patient) : title;
}

/** "87 ans"; nothing where the birth is not known. */
export function yearsOf(patient: PatientBrief | null): string {
  return patient?.birthDate ? m.years({ count: age(patient.birthDate) }) : '';
}

export function requestName(kind: RequestKind | null): string {
  switch (kind) {
    case 'advice':
      return m.ask_advice();
    case 'prescription':
      return m.ask_prescription();
    case 'visit':
      return m.ask_visit();
    case 'information':
      return m.ask_information();
    default:
      return m.ask_handover();
  }
}

/** What a row says is of its author alone: changes of the circle are none of these. */
const NOBODY: Names = { nameOf: () => '' };

/** What is asked, was said or done, in a line. */
export function whatOf({ subject, byName }: ToDoRow): string {
  if (subject.type === 'task') return subject.task.title;
  const { content } = subject;
  if (content.type !== 'handover') return eventLine(content, byName, NOBODY);
  const { requestKind, request, situation } = content.note;
  return m.ask_of({ kind: requestName(requestKind), what: request || situation });
}

/** "Claire Morvan, infirmière · il y a 24 min". */
export function whoOf(row: ToDoRow, me: string | undefined, now = Date.now()): string {
  const ago = formatAgo(row.timeMs, now);
  if (row.by === me) return m.by_you({ ago });
  const profession = row.byProfession ? professionName(row.byProfession).toLocaleLowerCase('fr') : '';
  const who = [row.byName, profession].filter(Boolean).join(', ');
  return m.by_who({ who, ago });
}

/** "Lu (1/2), non pris", "Remis (2/2), non lu", "Pas encore remis". */
export function reachOf({ delivered, read, of }: ToDoRow): string {
  if (read > 0) return m.state_read_untaken({ count: read, of });
  if (delivered > 0) return m.state_delivered_untaken({ count: delivered, of });
  return m.state_not_delivered();
}

export interface Deadline {
  text: string;
  late: boolean;
}

/** "avant 15 h 30", "demain, 8 h 00", "en retard depuis hier, 18 h 00". */
export function deadlineOf(untilMs: number | null, now = Date.now()): Deadline | null {
  if (untilMs === null) return null;
  if (untilMs < now) return { text: m.late_since({ when: formatMoment(untilMs, now) }), late: true };
  if (daysFromNow(untilMs, now) === 0)
    return { text: m.before_time({ time: formatTime(untilMs) }), late: false };
  return { text: formatMoment(untilMs, now), late: false };
}

/** The drawing beside a row. */
export function iconOf({ subject }: ToDoRow): { icon: IconName; tone: Tone } {
  if (subject.type === 'task') return { icon: 'tasks', tone: 'accent' };
  const { content } = subject;
  switch (content.type) {
    case 'handover':
      return { icon: handoverIcon(content.note.requestKind), tone: 'accent' };
    case 'photo':
      return { icon: 'camera', tone: 'plain' };
    case 'taskCreated':
    case 'taskChanged':
      return { icon: 'tasks', tone: 'plain' };
    case 'woundOpened':
    case 'woundAssessed':
    case 'woundChanged':
      return { icon: 'wound', tone: 'plain' };
    case 'header':
      return { icon: 'user', tone: 'plain' };
    case 'membershipNote':
      return { icon: 'team', tone: 'plain' };
    default:
      return { icon: 'thread', tone: 'plain' };
  }
}

function handoverIcon(kind: RequestKind | null): IconName {
  return kind === 'prescription' ? 'pill' : kind === 'visit' ? 'house' : 'doc';
}

/** A name for a row that stays its own when the list changes. */
export function rowKey(row: ToDoRow): string {
  return `${row.thread} ${row.subject.type === 'task' ? row.subject.task.task : (row.event ?? '')}`;
}

/** What waits behind the tab: urgent and to answer; what is only unread is not work. */
export function waiting(toDo: ToDo): number {
  return toDo.urgent.length + toDo.toAnswer.length;
}

export type TaskFilter = 'mine' | 'untaken' | 'all';

/** Whether it waits for this person: given to them, or taken by them. */
export function isMine({ status, owner, actor }: CareTask, me: string | undefined): boolean {
  return status === 'taken' ? actor === me : status === 'open' && owner === me;
}

export interface TaskGroup {
  kind: 'late' | 'today' | 'later' | 'undated';
  tasks: PlacedTask[];
}

/** Tasks as they are worked off: late first, urgent first among equals, then by when. */
export function taskGroups(
  tasks: readonly PlacedTask[],
  filter: TaskFilter,
  me: string | undefined,
  now = Date.now(),
): TaskGroup[] {
  const wanted = tasks.filter(({ task }) => {
    if (filter === 'mine') return isMine(task, me);
    if (filter === 'untaken') return task.status === 'declined' || (task.status === 'open' && !task.owner);
    return true;
  });
  const kindOf = ({ task }: PlacedTask): TaskGroup['kind'] => {
    if (task.dueMs === null) return 'undated';
    if (task.dueMs < now) return 'late';
    return daysFromNow(task.dueMs, now) === 0 ? 'today' : 'later';
  };
  const rank = ({ task }: PlacedTask) => (task.priority === 'urgent' ? 0 : 1);
  const order = (a: PlacedTask, b: PlacedTask) =>
    rank(a) - rank(b) || (a.task.dueMs ?? 0) - (b.task.dueMs ?? 0);
  return (['late', 'today', 'later', 'undated'] as const)
    .map((kind) => ({ kind, tasks: wanted.filter((task) => kindOf(task) === kind).sort(order) }))
    .filter((group) => group.tasks.length > 0);
}

/** The day and time of a deadline in a list of tasks: the group says the rest. */
export function dueText(dueMs: number, now = Date.now()): string {
  if (dueMs < now) return m.late_since({ when: formatMoment(dueMs, now) });
  return daysFromNow(dueMs, now) === 0
    ? m.before_time({ time: formatTime(dueMs) })
    : formatMoment(dueMs, now);
}
