/** What happened in a thread, in words: lines between the messages, quotes, announcements. */
import { m } from '$messages';
import { formatDate, formatDay, formatNumber } from '$lib/format';
import { basisName, roleName } from '$lib/labels';
import type { Content, HistoryKind, MemberRole, TimelineItem } from '$lib/relais';
import { siteWords } from '$lib/wounds/words';

export interface Names {
  nameOf(person: string | null): string;
}

/** How many entries an English detail of the core speaks of: "3 entries: …". */
export function entriesOf(detail: string): number {
  return Number(/^(\d+) entr/.exec(detail)?.[1] ?? 1);
}

function historyWords(kind: HistoryKind | null, sinceMs: number | null): string {
  switch (kind) {
    case 'all':
      return m.timeline_past_all();
    case 'since':
      return m.timeline_past_since({ day: formatDate(sinceMs ?? 0) });
    case 'summary':
      return m.timeline_past_summary();
    case 'requested':
      return m.timeline_past_requested();
    default:
      return m.timeline_past_none();
  }
}

function noticeLine(kind: string, author: string, person: string, detail: string): string {
  switch (kind) {
    case 'created':
      return m.timeline_created({ name: author });
    case 'added':
      return m.timeline_added({ author, name: person });
    case 'removed':
      return author === person
        ? m.timeline_left({ name: person })
        : m.timeline_removed({ author, name: person });
    case 'role':
      return m.timeline_role({ name: person, role: roleName(detail as MemberRole).toLowerCase() });
    case 'device_added':
      return m.timeline_device_added({ name: person });
    case 'device_removed':
      return m.timeline_device_removed({ name: person });
    case 'joined':
      return m.timeline_joined();
    case 'rejoined':
      return m.timeline_rejoined({ name: person });
    case 'rebooted':
      return m.timeline_rebooted({ name: author });
    case 'quarantined':
      return m.timeline_quarantined({ name: author });
    case 'restored':
      return m.timeline_restored();
    case 'omitted':
      return m.timeline_omitted({ count: entriesOf(detail) });
    case 'missing':
      return m.timeline_missing({ count: entriesOf(detail) });
    default:
      return m.timeline_unsupported();
  }
}

/** What an event says or did, with its author where it has no words of its own. */
export function eventLine(content: Content, author: string, names: Names): string {
  switch (content.type) {
    case 'threadOpened':
      return m.timeline_opened({ name: author });
    case 'header':
      return m.timeline_header({ name: author });
    case 'membershipNote': {
      const name = names.nameOf(content.person);
      const basis =
        content.basis === 'consent' && content.consentDate
          ? m.timeline_consent_of({ day: formatDay(content.consentDate) })
          : basisName(content.basis);
      const until = content.untilMs ? m.timeline_until({ day: formatDate(content.untilMs) }) : '';
      return m.timeline_membership({
        name,
        why: [content.roleText, basis, until].filter(Boolean).join(', '),
      });
    }
    case 'taskChanged':
      switch (content.change) {
        case 'done':
          return m.timeline_task_done({ name: author });
        case 'declined':
          return m.timeline_task_declined({ name: author });
        default:
          return m.timeline_task_taken({ name: author });
      }
    case 'handoverAcknowledged':
      return m.timeline_acknowledged({ name: author });
    case 'woundChanged':
      switch (content.change) {
        case 'healed':
          return m.timeline_wound_healed({ name: author });
        case 'closed':
          return m.timeline_wound_closed({ name: author, reason: content.reason });
        default:
          return m.timeline_wound_reopened({ name: author });
      }
    case 'historyShared':
      return m.timeline_history({
        author,
        name: names.nameOf(content.person),
        past: historyWords(content.kind, content.sinceMs),
      });
    default:
      return previewOf(content);
  }
}

/** A line of the timeline: "Claire Morvan a pris la tâche". */
export function lineOf(item: TimelineItem, names: Names): string {
  const author = names.nameOf(item.author);
  const { body } = item;
  switch (body.type) {
    case 'notice': {
      const person = names.nameOf(body.person);
      return noticeLine(body.kind, author, person, body.detail);
    }
    case 'circleChange': {
      const list = (people: string[]) => people.map((person) => names.nameOf(person)).join(', ');
      return [
        body.added.length ? m.timeline_adding({ names: list(body.added) }) : '',
        body.removed.length ? m.timeline_removing({ names: list(body.removed) }) : '',
      ]
        .filter(Boolean)
        .join(' ');
    }
    case 'event':
      return eventLine(body.content, author, names);
  }
}

/** Kinds with words of their own; of the others it is told who did what. */
const WORDED: ReadonlySet<Content['type']> = new Set([
  'message',
  'photo',
  'taskCreated',
  'handover',
  'woundOpened',
  'woundAssessed',
]);

/** What a screen reader is told of an event that arrives. */
export function announcementOf(content: Content, author: string, names: Names): string {
  if (!WORDED.has(content.type)) return eventLine(content, author, names);
  const words = { name: author, text: previewOf(content) };
  const urgent = 'priority' in content && content.priority === 'urgent';
  return urgent ? m.timeline_announce_urgent(words) : m.timeline_announce(words);
}

/** In a few words what an event says: for a quote, an announcement, a task about it. */
export function previewOf(content: Content): string {
  switch (content.type) {
    case 'message':
      return content.text;
    case 'photo':
      return [m.photo(), content.caption || siteWords(content.bodySite, content.laterality)]
        .filter(Boolean)
        .join(', ');
    case 'taskCreated':
      return m.timeline_task({ title: content.title });
    case 'handover':
      return m.timeline_handover({ request: content.note.request });
    case 'woundOpened':
      return m.timeline_wound_opened({
        site: content.site ? siteWords(content.site.words, content.site.laterality) : '',
      });
    case 'woundAssessed': {
      const area = content.found.areaMm2;
      return area === null
        ? m.timeline_wound_assessed()
        : m.timeline_wound_assessed_area({ area: formatNumber(area / 100, 1) });
    }
    default:
      return m.timeline_unsupported();
  }
}
