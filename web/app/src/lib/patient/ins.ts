/**
 * The matricule of the INS: its form and key, as the core checks them, so that a slip is seen
 * while it is typed. The core decides.
 */
export type MatriculeProblem = 'length' | 'character' | 'key';

const NUMBER = 13;
const LENGTH = 15;

/** The characters alone, in capitals: what is typed or pasted has spaces. */
export function plainMatricule(text: string): string {
  return text.replace(/[\s\u00a0\u202f.-]/g, '').toUpperCase();
}

/** Key of the first 13 characters: 97 − (number mod 97), with 2A read as 19 and 2B as 18. */
export function matriculeKey(number: string): number | null {
  if (!/^\d{5}(\d{2}|2[AB])\d{6}$/.test(number)) return null;
  const digits = number.replace(/^(.{5})2A/, '$119').replace(/^(.{5})2B/, '$118');
  return 97 - Number(BigInt(digits) % 97n);
}

/** What is wrong with a matricule; what is only unfinished is `length`. */
export function matriculeProblem(text: string): MatriculeProblem | null {
  const plain = plainMatricule(text);
  if (!/^\d{0,5}$|^\d{5}(\d{0,2}|2[AB])\d*$/.test(plain)) return 'character';
  if (plain.length !== LENGTH) return 'length';
  const key = matriculeKey(plain.slice(0, NUMBER));
  if (key === null) return 'character';
  return Number(plain.slice(NUMBER)) === key ? null : 'key';
}

/** "2 38 02 99 999 017 39": a group for each of its parts. */
export function formatMatricule(text: string): string {
  const plain = plainMatricule(text);
  const groups = [1, 2, 2, 2, 3, 3, 2];
  const parts: string[] = [];
  let at = 0;
  for (const size of groups) {
    if (at >= plain.length) break;
    parts.push(plain.slice(at, (at += size)));
  }
  return parts.join('\u202f') + plain.slice(at);
}

export type Register = 'nir' | 'nia' | 'test' | 'demo';

/** The registers that a matricule comes from, by their OID; test and demo name nobody. */
export const REGISTERS: readonly { register: Register; oid: string }[] = [
  { register: 'nir', oid: '1.2.250.1.213.1.4.8' },
  { register: 'nia', oid: '1.2.250.1.213.1.4.9' },
  { register: 'test', oid: '1.2.250.1.213.1.4.10' },
  { register: 'demo', oid: '1.2.250.1.213.1.4.11' },
];

export function registerOf(oid: string): Register | null {
  return REGISTERS.find((known) => known.oid === oid)?.register ?? null;
}

/** An INSEE code of a place of birth: five digits, 2A or 2B in Corsica, 99 abroad. */
export function isBirthPlace(code: string): boolean {
  return /^(?!00)\d{5}$|^2[AB]\d{3}$/.test(code);
}

/** A number that can be dialled, as the core takes it. */
export function isPhone(text: string): boolean {
  const digits = text.replace(/\D/g, '').length;
  return /^\+?[\d\s\u00a0\u202f./()-]*$/.test(text) && digits >= 2 && digits <= 17;
}

/** For a `tel:` link: digits alone, "(0)" of international numbers left out. */
export function dialled(text: string): string {
  return text.replace(text.trim().startsWith('+') ? /\(0\)|[^\d+]/g : /[^\d]/g, '');
}
