/** Where a task stands, in words. */
import { m } from '$messages';
import { formatMoment } from '$lib/format';
import { relais, type CareTask, type TaskChange } from '$lib/relais';

export function isOpen(task: CareTask): boolean {
  return task.status === 'open' || task.status === 'taken';
}

export function isOverdue(task: CareTask, now = Date.now()): boolean {
  return isOpen(task) && task.dueMs !== null && task.dueMs < now;
}

/** "demain, 8 h"; "en retard, hier, 18 h". Nothing without a due time. */
export function dueWords(task: CareTask, now = Date.now()): string {
  if (task.dueMs === null) return '';
  const when = formatMoment(task.dueMs, now);
  return isOverdue(task, now) ? m.task_overdue({ when }) : when;
}

/** "Pour Karim Belkacem", "Pris en charge par …", "À prendre". */
export function taskState(task: CareTask, nameOf: (person: string | null) => string): string {
  switch (task.status) {
    case 'taken':
      return m.task_state_taken({ name: nameOf(task.actor) });
    case 'done':
      return m.task_state_done({ name: nameOf(task.actor) });
    case 'declined':
      return m.task_state_declined({ name: nameOf(task.actor) });
    default:
      return task.owner ? m.task_state_for({ name: nameOf(task.owner) }) : m.task_state_open();
  }
}

export function changeTask(thread: string, task: string, change: TaskChange, reason = ''): Promise<string> {
  return relais.call('changeTask', { thread, task, change, reason });
}
