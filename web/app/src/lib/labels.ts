/** Words for the codes of the core. */
import { m } from '$messages';
import { prefs } from './prefs.svelte';
import { PROFESSIONS } from './professions';
import type { Basis, Card, IdentityStatus, MemberRole, PatientHeader, PersonStanding } from './relais';
import type { IconName } from './ui/icons';

/** The profession of a code; for 0 and unknown ones "sans profession de santé". */
export function professionName(code: number | null | undefined): string {
  const found = PROFESSIONS.find((profession) => profession.code === code);
  return found?.[prefs.language] ?? m.profession_lay();
}

/** Professions of TRE_G15 in the order of the language, those of home care first. */
export function professionOptions(): { value: number; text: string }[] {
  const first = [60, 10, 21, 70, 35];
  const rank = (code: number) => (first.includes(code) ? first.indexOf(code) : first.length);
  const all = PROFESSIONS.map(({ code }) => ({ value: code, text: professionName(code) }));
  all.sort((a, b) => rank(a.value) - rank(b.value) || a.text.localeCompare(b.text, prefs.language));
  return [...all, { value: 0, text: m.profession_lay() }];
}

export type RoleTint = 'nurse' | 'doctor' | 'coordinator' | 'rehab' | 'pharmacist' | 'assistant' | 'plain';

/** The tint of an avatar. */
export function roleTint(profession: number | null, coordinator = false): RoleTint {
  if (coordinator) return 'coordinator';
  switch (profession) {
    case 60:
    case 69:
      return 'nurse';
    case 10:
    case 40:
    case 50:
      return 'doctor';
    case 21:
    case 38:
    case 39:
      return 'pharmacist';
    case 35:
    case 36:
    case 37:
      return 'assistant';
    case null:
    case 0:
      return 'plain';
    default:
      return 'rehab';
  }
}

/** "CM" of "Claire Morvan". */
export function initials(name: string): string {
  const words = name.split(/[\s-]+/).filter(Boolean);
  const [first, last] = [words[0] ?? '', words.length > 1 ? (words.at(-1) ?? '') : ''];
  return ([...first][0] ?? '?').toUpperCase() + ([...last][0] ?? '').toUpperCase();
}

/** "Claire Morvan"; for somebody whose card has not arrived, words that say so. */
export function personName(card: Card | null | undefined): string {
  return card ? `${card.givenName} ${card.familyName}` : m.person_unknown();
}

/** "Jeanne MARCHAND": the given name in use, the family name in capitals. */
export function patientName(
  header: Pick<PatientHeader, 'usedName' | 'birthName' | 'birthGivenNames'>,
): string {
  const family = (header.usedName || header.birthName).toLocaleUpperCase('fr');
  return `${header.birthGivenNames[0] ?? ''} ${family}`.trim();
}

export interface IdentityChip {
  text: string;
  tone: 'done' | 'taken' | 'due' | 'provisional';
  icon: IconName;
}

/** How far an identity is proved, for a chip. */
export function identityChip(status: IdentityStatus | null): IdentityChip {
  switch (status) {
    case 'qualified':
      return { text: m.identity_qualified(), tone: 'done', icon: 'shield' };
    case 'validated':
      return { text: m.identity_validated(), tone: 'taken', icon: 'check' };
    case 'retrieved':
      return { text: m.identity_retrieved(), tone: 'due', icon: 'download' };
    default:
      return { text: m.identity_provisional(), tone: 'provisional', icon: 'user' };
  }
}

export function basisName(basis: Basis | null): string {
  switch (basis) {
    case 'careTeam':
      return m.basis_care_team();
    case 'patientDesignated':
      return m.basis_designated();
    case 'consent':
      return m.basis_consent();
    default:
      return m.basis_unknown();
  }
}

export function roleName(role: MemberRole | null): string {
  switch (role) {
    case 'manager':
      return m.role_manager();
    case 'contributor':
      return m.role_contributor();
    default:
      return m.role_reader();
  }
}

export function standingName(standing: PersonStanding): string {
  switch (standing) {
    case 'coordinator':
      return m.standing_coordinator();
    case 'professional':
      return m.standing_professional();
    default:
      return m.standing_lay();
  }
}
