import { m } from '$messages';
import type { Trouble } from '$lib/relais';

/** What a trouble is, in words: what happened, what is safe, what to do. */
export function troubleText(trouble: Trouble, person = ''): { what: string; safe: string; todo: string } {
  const say = (what: string, todo: string, safe = m.trouble_safe()) => ({ what, safe, todo });
  switch (trouble.type) {
    case 'frozen':
      return say(m.trouble_frozen(), m.trouble_frozen_todo());
    case 'revoked':
      return say(m.trouble_revoked(), m.trouble_revoked_todo());
    case 'wiped':
      return say(m.trouble_wiped(), m.trouble_wiped_todo(), m.safe_re_enrol());
    case 'lapsed':
      return say(m.trouble_lapsed(), m.trouble_lapsed_todo(), m.safe_re_enrol());
    case 'updateNeeded':
      return say(m.trouble_update(), m.trouble_update_todo());
    case 'structureForked':
      return say(m.trouble_structure_forked(), m.trouble_tell());
    case 'structureDisputed':
      return say(m.trouble_structure_disputed({ person }), m.trouble_tell());
    case 'structureWithheld':
      return say(m.trouble_structure_withheld(), m.trouble_tell());
    case 'threadForked':
      return say(m.trouble_thread_forked(), m.trouble_tell());
    case 'threadStopped':
      return say(m.trouble_thread_stopped(), m.trouble_thread_stopped_todo());
  }
}
