/** What kind of event was found, in words. */
import { m } from '$messages';

const KINDS: Readonly<Record<string, () => string>> = {
  thread_opened: m.found_title,
  patient_header: m.found_header,
  membership_note: m.found_member,
  message: m.found_message,
  photo: m.found_photo,
  task_created: m.found_task,
  task_changed: m.found_task,
  handover_note: m.found_handover,
  handover_acknowledged: m.found_handover,
  wound_opened: m.found_wound,
  wound_assessed: m.found_wound,
  wound_changed: m.found_wound,
};

export function kindName(kind: string): string {
  return KINDS[kind]?.() ?? '';
}
