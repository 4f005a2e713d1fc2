import { describe, expect, it } from 'vitest';
import {
  draftOf,
  emptyPatient,
  givenNames,
  isEmpty,
  patientProblems,
  toHeader,
  type PatientDraft,
} from './draft';

const known: PatientDraft = {
  ...emptyPatient(),
  birthName: ' LEROY ',
  usedName: 'Marchand',
  givenNames: 'Jeanne Odette',
  birthDate: { year: 1938, month: 2, day: 14 },
  sex: 'female',
};
const qualified: PatientDraft = {
  ...known,
  status: 'qualified',
  birthPlace: '99999',
  matricule: '2 38 02 99 999 017 39',
  oid: '1.2.250.1.213.1.4.11',
};

describe('a patient header that is filled in', () => {
  it('needs a birth name and a sex', () => {
    expect(patientProblems(emptyPatient())).toEqual({ birthName: 'missing', sex: 'missing' });
    expect(patientProblems(known)).toEqual({});
    expect(isEmpty(emptyPatient())).toBe(true);
    expect(isEmpty(known)).toBe(false);
  });

  it('is complete when the identity is qualified', () => {
    expect(patientProblems(qualified)).toEqual({});
    const bare = {
      ...emptyPatient(),
      birthName: 'LEROY',
      sex: 'female' as const,
      status: 'qualified' as const,
    };
    expect(patientProblems(bare)).toEqual({
      givenNames: 'missing',
      birthDate: 'missing',
      birthPlace: 'missing',
      matricule: 'missing',
    });
    expect(patientProblems({ ...qualified, matricule: '238029999901738' })).toEqual({ matricule: 'wrong' });
    expect(patientProblems({ ...qualified, birthPlace: 'Rennes' })).toEqual({ birthPlace: 'wrong' });
  });

  it('carries the INS only when the identity is qualified', () => {
    expect(toHeader(qualified).ins).toEqual({ matricule: '238029999901739', oid: '1.2.250.1.213.1.4.11' });
    for (const status of ['provisional', 'retrieved', 'validated'] as const)
      expect(toHeader({ ...qualified, status }).ins).toBeNull();
  });

  it('leaves out what was left empty', () => {
    const header = toHeader({
      ...known,
      alerts: [
        { label: ' Chutes ', kind: 'risk' },
        { label: ' ', kind: 'other' },
      ],
      contacts: [{ name: '', relation: 'fille', phone: '' }],
      careAims: ['', 'Rester à la maison'],
    });
    expect(header.birthName).toBe('LEROY');
    expect(header.alerts).toEqual([{ label: 'Chutes', kind: 'risk' }]);
    expect(header.contacts).toEqual([]);
    expect(header.careAims).toEqual(['Rester à la maison']);
  });

  it('keeps composed given names together when commas part them', () => {
    expect(givenNames('Jeanne Odette')).toEqual(['Jeanne', 'Odette']);
    expect(givenNames('Marie Rose, Odette-Noëlle')).toEqual(['Marie Rose', 'Odette-Noëlle']);
    const header = { ...toHeader(qualified), birthGivenNames: ['Marie Rose', 'Odette'] };
    expect(toHeader(draftOf(header))).toEqual(header);
    const single = { ...toHeader(qualified), birthGivenNames: ['Marie Rose'] };
    expect(toHeader(draftOf(single))).toEqual(single);
  });
});
