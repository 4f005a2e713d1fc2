/** A patient header while it is filled in: every field is a text or a choice. */
import type {
  AlertKind,
  CalendarDate,
  Contact,
  IdentityStatus,
  PatientAlert,
  PatientHeader,
  Sex,
} from '$lib/relais';
import { isBirthPlace, isPhone, matriculeProblem, plainMatricule, REGISTERS } from './ins';

export interface PatientDraft {
  birthName: string;
  usedName: string;
  /** All of them, with spaces or commas between. */
  givenNames: string;
  birthDate: CalendarDate | null;
  sex: Sex | null;
  birthPlace: string;
  phone: string;
  status: IdentityStatus;
  matricule: string;
  oid: string;
  alerts: PatientAlert[];
  contacts: Contact[];
  careAims: string[];
}

export type PatientField =
  'birthName' | 'givenNames' | 'birthDate' | 'sex' | 'birthPlace' | 'phone' | 'matricule';

export function emptyPatient(): PatientDraft {
  return {
    birthName: '',
    usedName: '',
    givenNames: '',
    birthDate: null,
    sex: null,
    birthPlace: '',
    phone: '',
    status: 'provisional',
    matricule: '',
    oid: REGISTERS[0]!.oid,
    alerts: [],
    contacts: [],
    careAims: [],
  };
}

export function draftOf(header: PatientHeader): PatientDraft {
  return {
    birthName: header.birthName,
    usedName: header.usedName,
    givenNames: givenNamesText(header.birthGivenNames),
    birthDate: header.birthDate,
    sex: header.sex,
    birthPlace: header.birthPlace,
    phone: header.phone,
    status: header.identityStatus ?? 'provisional',
    matricule: header.ins?.matricule ?? '',
    oid: header.ins?.oid ?? REGISTERS[0]!.oid,
    alerts: header.alerts.map((alert) => ({ ...alert })),
    contacts: header.contacts.map((contact) => ({ ...contact })),
    careAims: [...header.careAims],
  };
}

/** A single name of several words keeps its comma, so that it stays one. */
function givenNamesText(names: readonly string[]): string {
  const [only] = names;
  return names.length === 1 && only?.includes(' ') ? `${only},` : names.join(', ');
}

/** Given names as typed: commas separate them; without any comma, spaces do. */
export function givenNames(text: string): string[] {
  return text
    .split(text.includes(',') ? ',' : /\s+/)
    .map((name) => name.trim())
    .filter(Boolean);
}

/** What is missing or wrong, by field; a qualified identity is complete. */
export function patientProblems(draft: PatientDraft): Partial<Record<PatientField, 'missing' | 'wrong'>> {
  const found: Partial<Record<PatientField, 'missing' | 'wrong'>> = {};
  const qualified = draft.status === 'qualified';
  if (!draft.birthName.trim()) found.birthName = 'missing';
  if (qualified && !givenNames(draft.givenNames).length) found.givenNames = 'missing';
  if (qualified && !(draft.birthDate?.month && draft.birthDate.day)) found.birthDate = 'missing';
  if (!draft.sex) found.sex = 'missing';
  const place = plainMatricule(draft.birthPlace);
  if (place ? !isBirthPlace(place) : qualified) found.birthPlace = place ? 'wrong' : 'missing';
  if (draft.phone.trim() && !isPhone(draft.phone.trim())) found.phone = 'wrong';
  if (qualified && matriculeProblem(draft.matricule))
    found.matricule = plainMatricule(draft.matricule) ? 'wrong' : 'missing';
  return found;
}

/** The header as the core takes it: the INS is carried by a qualified identity alone. */
export function toHeader(draft: PatientDraft): PatientHeader {
  const trimmed = (texts: string[]) => texts.map((text) => text.trim()).filter(Boolean);
  return {
    birthName: draft.birthName.trim(),
    birthGivenNames: givenNames(draft.givenNames),
    usedName: draft.usedName.trim(),
    birthDate: draft.birthDate,
    sex: draft.sex ?? 'unknown',
    birthPlace: plainMatricule(draft.birthPlace),
    phone: draft.phone.trim(),
    identityStatus: draft.status,
    ins: draft.status === 'qualified' ? { matricule: plainMatricule(draft.matricule), oid: draft.oid } : null,
    alerts: draft.alerts
      .map(({ label, kind }) => ({ label: label.trim(), kind: kind ?? ('other' satisfies AlertKind) }))
      .filter(({ label }) => label),
    contacts: draft.contacts
      .map(({ name, relation, phone }) => ({
        name: name.trim(),
        relation: relation.trim(),
        phone: phone.trim(),
      }))
      .filter(({ name }) => name),
    careAims: trimmed(draft.careAims),
  };
}

/** Nothing of it is lost when the flow is left. */
export function isEmpty(draft: PatientDraft): boolean {
  return JSON.stringify(draft) === JSON.stringify(emptyPatient());
}
