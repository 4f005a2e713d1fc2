/** What the rows of a timeline share with the screen that they stand on. */
import { getContext, setContext } from 'svelte';
import type { CareTask, Handover, ThreadPast, TimelineItem } from '$lib/relais';
import type { ThreadView } from './thread.svelte';

export interface ThreadScreen {
  view: ThreadView;
  readonly tasks: CareTask[];
  readonly handovers: Handover[];
  readonly past: ThreadPast | undefined;
  /** What an event said, where it is loaded. */
  find(event: string | null): TimelineItem | undefined;
  /** Goes to an event. */
  show(event: string): void;
  /** Opens who has it and what can be done about it. */
  detail(item: TimelineItem): void;
  openPhoto(item: TimelineItem): void;
  openTask(task: string): void;
  acknowledge(handover: Handover): void;
  askPastAgain(): Promise<void>;
}

const KEY = Symbol('thread');

export const setThreadScreen = (screen: ThreadScreen) => setContext(KEY, screen);
export const threadScreen = () => getContext<ThreadScreen>(KEY);
