/** A thread while it is filled in. */
import { pastShared, toNewMember, type MemberDraft, type PastKind } from '$lib/circle/member';
import { emptyPatient, isEmpty, toHeader, type PatientDraft } from '$lib/patient/draft';
import { titleOf } from '$lib/threads';
import type { NewThread } from '$lib/relais';

export type About = 'patient' | 'other';

export interface ThreadDraft {
  about: About;
  /** Of a thread without a patient. */
  title: string;
  /** Why it is opened, after the patient's name. */
  motive: string;
  patient: PatientDraft;
  members: MemberDraft[];
  /** What newcomers get of it: it opens now, so there is no "since". */
  past: PastKind;
}

export function emptyThread(): ThreadDraft {
  return { about: 'patient', title: '', motive: '', patient: emptyPatient(), members: [], past: 'nothing' };
}

/** Nothing is worth keeping of it. */
export function isBlank(draft: ThreadDraft): boolean {
  return !draft.title.trim() && !draft.motive.trim() && !draft.members.length && isEmpty(draft.patient);
}

export function toNewThread(draft: ThreadDraft): NewThread {
  const header = draft.about === 'patient' ? toHeader(draft.patient) : null;
  return {
    title: header ? titleOf(header, draft.motive) : draft.title.trim(),
    header,
    members: draft.members.map((member) =>
      toNewMember(member, pastShared(draft.past, null) ?? { type: 'nothing' }),
    ),
  };
}
