/** A handover that is being written, and what the thread already says for it. */
import { m } from '$messages';
import { formatNumber } from '$lib/format';
import type { CareTask, PatientHeader, RequestKind, TimelineItem, Wound } from '$lib/relais';
import { siteWords } from '$lib/wounds/words';
import { Kept } from './draft.svelte';
import type { Due } from './due';
import { dueWords, isOpen } from './tasks';

export type NoteField = 'situation' | 'background' | 'assessment' | 'request';

export interface NoteDraft {
  situation: string;
  background: string;
  assessment: string;
  request: string;
  requestKind: RequestKind;
  receivers: string[];
  due: Due;
  /** What was taken from the thread and not touched since. */
  taken: NoteField[];
}

export const EMPTY_NOTE: NoteDraft = {
  situation: '',
  background: '',
  assessment: '',
  request: '',
  requestKind: 'information',
  receivers: [],
  due: { choice: 'none', day: null, time: null },
  taken: [],
};

export function isEmptyNote(note: NoteDraft): boolean {
  const texts = [note.situation, note.background, note.assessment, note.request];
  return note.receivers.length === 0 && texts.every((text) => text === '');
}

export function noteDraft(thread: string): Kept<NoteDraft> {
  return new Kept(`draft.handover.${thread}`, EMPTY_NOTE, isEmptyNote);
}

interface Known {
  header: PatientHeader | null;
  items: readonly TimelineItem[];
  wounds: readonly Wound[];
  tasks: readonly CareTask[];
}

/** Older than this, an urgent message is not the situation any more. */
const RECENT_MS = 24 * 3_600_000;

/** What the thread says for the note: facts as they were written, for the author to reread. */
export function takenFromThread(known: Known, now = Date.now()): Pick<NoteDraft, NoteField | 'taken'> {
  const open = known.wounds.filter((wound) => wound.status === 'open');
  const urgent = known.items.findLast(
    ({ body, timeMs }) =>
      body.type === 'event' &&
      body.content.type === 'message' &&
      body.content.priority === 'urgent' &&
      now - timeMs < RECENT_MS,
  );
  const situation =
    urgent?.body.type === 'event' && urgent.body.content.type === 'message' ? urgent.body.content.text : '';
  const background = [
    ...(known.header?.alerts ?? []).map((alert) => alert.label),
    ...open.map((wound) => siteWords(wound.site?.words ?? '', wound.site?.laterality ?? null)),
  ].join(', ');
  const areas = open.flatMap((wound) =>
    wound.latest?.found.areaMm2
      ? m.note_wound_area({
          site: siteWords(wound.site?.words ?? '', wound.site?.laterality ?? null),
          area: formatNumber(wound.latest.found.areaMm2 / 100, 1),
        })
      : [],
  );
  const todo = known.tasks
    .filter(isOpen)
    .map((task) => [task.title, dueWords(task, now)].filter(Boolean).join(', '));
  const assessment = [...areas, todo.length ? m.note_open_tasks({ tasks: todo.join(' ; ') }) : '']
    .filter(Boolean)
    .join('\n');
  const fields = { situation, background, assessment, request: '' };
  const taken = (['situation', 'background', 'assessment'] as const).filter((field) => fields[field] !== '');
  return { ...fields, taken };
}
