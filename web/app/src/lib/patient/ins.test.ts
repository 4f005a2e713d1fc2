import { describe, expect, it } from 'vitest';
import {
  dialled,
  formatMatricule,
  isBirthPlace,
  isPhone,
  matriculeKey,
  matriculeProblem,
  plainMatricule,
} from './ins';

// Fictitious: born abroad in a country that does not exist (99999).
const DEMO = '238029999901739';

describe('the matricule of the INS', () => {
  it('is right with its key, however it is spaced', () => {
    expect(matriculeProblem(DEMO)).toBeNull();
    expect(matriculeProblem('2 38 02 99 999 017 39')).toBeNull();
    expect(matriculeProblem(formatMatricule(DEMO))).toBeNull();
  });

  it('says what is wrong with it while it is typed', () => {
    expect(matriculeProblem('')).toBe('length');
    expect(matriculeProblem('2 38 02 99')).toBe('length');
    expect(matriculeProblem(DEMO + '1')).toBe('length');
    expect(matriculeProblem('238029999901738')).toBe('key');
    expect(matriculeProblem('23802O999901739')).toBe('character');
    expect(matriculeProblem('2A8029999901739')).toBe('character');
  });

  it('sees every single digit that is wrong', () => {
    for (let at = 0; at < DEMO.length; at++) {
      const other = (Number(DEMO[at]) + 1) % 10;
      expect(matriculeProblem(DEMO.slice(0, at) + other + DEMO.slice(at + 1))).toBe('key');
    }
  });

  it('reads 2A as 19 and 2B as 18', () => {
    expect(matriculeKey('184022A999017')).toBe(matriculeKey('1840219999017'));
    expect(matriculeKey('184022B999017')).toBe(matriculeKey('1840218999017'));
    const corsican = `184022A999017${String(matriculeKey('184022A999017')).padStart(2, '0')}`;
    expect(matriculeProblem(corsican)).toBeNull();
    expect(matriculeProblem('1 84 02 2')).toBe('length');
    expect(matriculeProblem('1 84 02 2a')).toBe('length');
  });

  it('is shown in groups and kept without them', () => {
    expect(plainMatricule(formatMatricule('184022a99901701'))).toBe('184022A99901701');
    expect(formatMatricule(DEMO).split('\u202f')).toEqual(['2', '38', '02', '99', '999', '017', '39']);
    expect(formatMatricule('23802')).toBe('2\u202f38\u202f02');
  });
});

describe('places and numbers', () => {
  it('takes INSEE codes as the core does', () => {
    for (const code of ['75056', '2A004', '2B033', '97411', '99999']) expect(isBirthPlace(code)).toBe(true);
    for (const code of ['7505', '750560', '2C004', '2A04', '00123', 'Paris'])
      expect(isBirthPlace(code)).toBe(false);
  });

  it('takes numbers that can be dialled', () => {
    for (const number of ['15', '01 99 00 12 34', '+33 (0)1.99.00.12.34']) expect(isPhone(number)).toBe(true);
    for (const number of ['5', '+', '01 99 00 12 3x', '01+99', '']) expect(isPhone(number)).toBe(false);
    expect(dialled('+33 (0)1.99.00.12.34')).toBe('+33199001234');
    expect(dialled('01 99 00 12 34')).toBe('0199001234');
  });
});
