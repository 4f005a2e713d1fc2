/** The true state of what somebody wrote, in words. */
import { m } from '$messages';
import type { ItemState, Member, TimelineItem } from '$lib/relais';
import type { State } from '$lib/ui/StateLabel.svelte';

export interface StateWords {
  state: State;
  text: string;
}

/** How many of a circle have read an item. */
export function readers(item: TimelineItem, members: readonly Member[]): number {
  const { seq, author } = item;
  if (seq === null) return 0;
  return members.filter((member) => member.person !== author && member.readSeq >= seq).length;
}

/** "En attente", "Remis (2/4)", "Lu (1/4)", "Échec". */
export function stateWords(item: TimelineItem, members: readonly Member[]): StateWords {
  const state: ItemState = item.state;
  switch (state.type) {
    // Without an answer nobody can tell whether the server has it: one word for both.
    case 'waiting':
    case 'inFlight':
      return { state: 'pending', text: m.timeline_waiting() };
    case 'lost':
      return { state: 'failed', text: m.timeline_lost() };
    case 'failed':
      return { state: 'failed', text: m.timeline_failed() };
    case 'sent': {
      const { to, of } = state;
      // Those who came later may have read it; they were not promised it.
      const read = Math.min(readers(item, members), of);
      if (of > 0 && read > 0) return { state: 'read', text: m.timeline_read({ count: read, of }) };
      if (of > 0 && to > 0) return { state: 'delivered', text: m.timeline_delivered({ count: to, of }) };
      return { state: 'sent', text: m.timeline_sent() };
    }
  }
}

export type Received =
  | { type: 'read' }
  | { type: 'delivered' }
  | { type: 'notYet'; sinceMs: number | null }
  | { type: 'noDevice' }
  | { type: 'pending' };

/** How far an item has come to one person of the circle. */
export function received(item: TimelineItem, member: Member): Received {
  if (item.seq === null) return { type: 'pending' };
  if (member.readSeq >= item.seq) return { type: 'read' };
  switch (member.reachability.type) {
    case 'noDevice':
      return { type: 'noDevice' };
    case 'behind':
      return member.reachability.seq >= item.seq
        ? { type: 'delivered' }
        : { type: 'notYet', sinceMs: member.reachability.sinceMs };
    default:
      return { type: 'delivered' };
  }
}
