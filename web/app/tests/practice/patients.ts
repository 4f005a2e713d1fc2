/** Patients who do not exist: names say so, and the INS has the OID of tests. */
import type { PatientHeader } from '../../src/lib/relais/types.ts';
import { matriculeKey } from '../../src/lib/patient/ins.ts';

const TEST_OID = '1.2.250.1.213.1.4.10';

/** A matricule of tests with its key. */
function ins(number: string): PatientHeader['ins'] {
  return { matricule: number + String(matriculeKey(number)).padStart(2, '0'), oid: TEST_OID };
}

const nobody: PatientHeader = {
  birthName: '',
  birthGivenNames: [],
  usedName: '',
  birthDate: null,
  sex: 'female',
  birthPlace: '99999',
  phone: '',
  identityStatus: 'provisional',
  ins: null,
  alerts: [],
  contacts: [],
  careAims: [],
};

export const FRANCOISE: PatientHeader = {
  ...nobody,
  birthName: 'EXEMPLE-CRÈVECŒUR',
  birthGivenNames: ['Françoise', 'Odette-Noëlle'],
  usedName: 'FICTIVE-HÉBRARD',
  birthDate: { year: 1938, month: 2, day: 14 },
  phone: '01 99 00 17 38',
  identityStatus: 'qualified',
  ins: ins('2380299999017'),
  alerts: [
    { label: 'Allergie à la pénicilline, œdème de Quincke', kind: 'allergy' },
    { label: 'Anticoagulée (AVK)', kind: 'risk' },
    { label: 'Chutes répétées', kind: 'risk' },
  ],
  contacts: [
    { name: 'Théo Fictif-Hébrard', relation: 'petit-fils, personne à prévenir', phone: '+33 1 99 00 56 78' },
  ],
  careAims: ['Rester à la maison, marcher jusqu’au jardin'],
};

export const MARCEL: PatientHeader = {
  ...nobody,
  birthName: 'ESSAI-RIVOAL',
  birthGivenNames: ['Marcel'],
  birthDate: { year: 1946, month: 7, day: 3 },
  sex: 'male',
  identityStatus: 'validated',
  alerts: [{ label: 'Diabète, insuline', kind: 'risk' }],
};

export const ODETTE: PatientHeader = {
  ...nobody,
  birthName: 'MODÈLE-GUILLERMOU-TANNEGUY',
  birthGivenNames: ['Marie-Apolline'],
  usedName: 'FICTIVE DE LA ROCHEFOUCAULD-EXEMPLE',
  birthDate: { year: 1952, month: 11, day: 28 },
  identityStatus: 'retrieved',
};
