/** A practice with one thread: Agnès, who coordinates, has a native device; Claire has a browser. */
import { expect } from '@playwright/test';
import type { Card, NewMember, PatientHeader } from '../../../src/lib/relais/types.ts';
import type { Colleague } from './colleague.ts';
import type { Device, Person } from './device.ts';
import { AGNES, CLAIRE, type World } from './index.ts';

const CODES: Record<string, number> = { Médecin: 10, Infirmier: 60 };

export function cardOf({ familyName, givenName, profession, rpps }: Person): Card {
  const code = CODES[profession];
  if (code === undefined) throw new Error(`no code for ${profession}`);
  return { familyName, givenName, profession: code, rpps };
}

/** Yvonne Tréguier, whom nobody will find. */
export const YVONNE: PatientHeader = {
  birthName: 'Tréguier',
  birthGivenNames: ['Yvonne'],
  usedName: '',
  birthDate: { year: 1938, month: 3, day: 12 },
  sex: 'female',
  birthPlace: '',
  phone: '',
  identityStatus: 'provisional',
  ins: null,
  alerts: [{ label: 'Pénicilline', kind: 'allergy' }],
  contacts: [],
  careAims: [],
};
export const YVONNE_NAME = 'Yvonne TRÉGUIER';

export function member(person: string): NewMember {
  return {
    person,
    role: 'contributor',
    expiresAtMs: null,
    roleText: '',
    basis: 'careTeam',
    consentDate: null,
    past: { type: 'everything' },
  };
}

export interface Practice {
  agnes: Colleague;
  claire: Device;
  thread: string;
  /** Claire, as the core names her. */
  person: string;
  /** What Claire was invited with. */
  link: string;
}

/** Claire's browser is enrolled and unlocked, and has the thread. */
export async function practice(world: World, claire?: Device): Promise<Practice> {
  const agnes = world.colleague();
  await agnes.enrol(world.server.setUpLink, cardOf(AGNES));
  const { link, person } = await agnes.invite(cardOf(CLAIRE));
  const device = claire ?? (await world.device());
  await device.enrol(link);
  await confirmed(agnes, person);
  const thread = await agnes.call('createThread', {
    new: { title: `${YVONNE_NAME}, plaie du talon`, header: YVONNE, members: [member(person)] },
  });
  await device.openThread(YVONNE_NAME);
  return { agnes, claire: device, thread, person, link };
}

/** Waits until a person has joined and is confirmed. */
export async function confirmed(coordinator: Colleague, person: string): Promise<void> {
  await expect
    .poll(async () => {
      const found = (await coordinator.call('people', {})).find((one) => one.person === person);
      return Boolean(found?.confirmed && found.devices.length);
    })
    .toBe(true);
}
