/**
 * A believable practice: the browser coordinates it, a nurse and a doctor have native devices,
 * and around three patients there is what a working day leaves: an urgent request, answers,
 * a followed wound with photos, tasks of every state, handovers.
 */
import { expect, type Browser } from '@playwright/test';
import type { Assessment } from '../../src/lib/relais/types.ts';
import type { Colleague } from '../e2e/world/colleague.ts';
import type { Person } from '../e2e/world/device.ts';
import type { World } from '../e2e/world/index.ts';
import { FRANCOISE, MARCEL, ODETTE } from './patients.ts';
import { Phone } from './phone.ts';
import { drawWound } from './photo.ts';

const HOUR_MS = 3_600_000;
const WAIT_MS = 60_000;

export const COORDINATOR: Person = {
  givenName: 'Hélène',
  familyName: 'Fictif-Lefèvre',
  profession: 'Infirmier',
  rpps: '99900017148',
};
export const NURSE: Person = {
  givenName: 'Maëlle-Anne',
  familyName: 'Exemple-Quéméneur de Kersauson',
  profession: 'Infirmier',
  rpps: '99900028517',
};
export const DOCTOR: Person = {
  givenName: 'Jérôme',
  familyName: 'Fictif-Châtaignier',
  profession: 'Médecin',
  rpps: '99900039621',
};

export const SUBSTITUTE: Person = {
  givenName: 'Anne-Gaëlle',
  familyName: 'Essai-Le Bihan',
  profession: 'Masseur-kinésithérapeute',
  rpps: '99900040736',
};
/** Who is invited and has not come yet, by the language of their phone. */
export const NEWCOMERS: Record<'fr' | 'en', Person> = {
  fr: { givenName: 'Noé', familyName: 'Modèle-Guéguen', profession: 'Infirmier', rpps: '99900051840' },
  en: { givenName: 'Iris', familyName: 'Modèle-Abgrall', profession: 'Infirmier', rpps: '99900062953' },
};

/** Opaque ids of what the screens show. */
export interface Ids {
  thread: string;
  quiet: string;
  wound: string;
  nurse: string;
  doctor: string;
  handover: string;
  task: string;
  invited: string;
}

export interface Practice {
  phone: Phone;
  nurse: Colleague;
  doctor: Colleague;
  ids: Ids;
  /** Links of the newcomers, and the one that founded the practice. */
  links: Record<'fr' | 'en' | 'setUp', string>;
}

type Seeded = Pick<Practice, 'nurse' | 'doctor'>;

const nothingFound: Assessment = {
  photo: null,
  lengthMm: null,
  widthMm: null,
  depthMm: null,
  areaMm2: null,
  areaSource: null,
  tissue: null,
  exudate: null,
  exudateType: null,
  edges: [],
  periwound: [],
  underminingMm: null,
  tunnellingMm: null,
  odour: null,
  pain: null,
  infectionSigns: [],
  dressing: '',
  trend: null,
};

/** What the nurse measured, from the first visit to the last. */
const SERIES = [
  { lengthMm: 38, widthMm: 26, depthMm: 5, necrosis: 20, slough: 40, exudate: 'high', pain: 6, trend: null },
  {
    lengthMm: 36,
    widthMm: 25,
    depthMm: 5,
    necrosis: 10,
    slough: 45,
    exudate: 'high',
    pain: 5,
    trend: 'same',
  },
  {
    lengthMm: 31,
    widthMm: 21,
    depthMm: 4,
    necrosis: 0,
    slough: 35,
    exudate: 'moderate',
    pain: 4,
    trend: 'better',
  },
  {
    lengthMm: 32,
    widthMm: 21,
    depthMm: 4,
    necrosis: 5,
    slough: 25,
    exudate: 'moderate',
    pain: 6,
    trend: 'worse',
  },
] as const;

/** Polls with the device in step. */
async function until<T>(device: Colleague, read: () => Promise<T>, ready: (value: T) => boolean): Promise<T> {
  let found: T | undefined;
  const look = async () => {
    await device.synced();
    found = await read();
    return ready(found);
  };
  await expect.poll(look, { timeout: WAIT_MS }).toBe(true);
  return found as T;
}

/** The thread that the wound is in, with everything that a timeline can show. */
async function careThread(browser: Browser, practice: Seeded, me: string) {
  const { nurse, doctor } = practice;
  const people = await until(
    nurse,
    () => nurse.call('people', {}),
    (all) => all.length === 3 && all.every(({ card }) => card !== null),
  );
  const id = (card: Person) => people.find((person) => person.card?.familyName === card.familyName)!.person;
  const doctorId = id(DOCTOR);
  const member = (person: string, roleText: string) => ({
    person,
    role: 'manager' as const,
    expiresAtMs: null,
    roleText,
    basis: 'careTeam' as const,
    consentDate: null,
    past: { type: 'everything' as const },
  });
  const circle = [member(me, 'Coordination'), member(doctorId, 'Médecin traitant')];
  const thread = await nurse.call('createThread', {
    new: { title: 'Plaie du talon gauche', header: FRANCOISE, members: circle },
  });
  const say = (who: Colleague, text: string, priority: 'normal' | 'urgent' = 'normal') =>
    who.call('sendMessage', { thread, text, priority, replyTo: null });
  await say(
    nurse,
    'Bonjour à tous. Je passe chez Mme Fictive-Hébrard tous les deux jours, pansement à 9 h 30.',
  );
  const wound = await nurse.call('openWound', {
    thread,
    new: {
      origin: 'pressure',
      onset: { year: 2026, month: 9, day: 0 },
      site: { code: '', words: 'Talon', laterality: 'left' },
      place: { view: 'back', x: 440, y: 960 },
    },
  });
  for (const [index, found] of SERIES.entries()) {
    const { lengthMm, widthMm, depthMm, necrosis, slough, exudate, pain, trend } = found;
    const look = { lengthMm: lengthMm * 1.3, widthMm: widthMm * 1.3, seed: 11, size: 960 };
    const drawn = await drawWound(browser, { ...look, slough: slough / 100, necrosis: necrosis / 100 });
    const photo = await nurse.call('sendPhoto', {
      thread,
      photo: drawn,
      caption: index === 0 ? 'Première visite, avant le pansement' : '',
      bodySite: 'Talon',
      laterality: 'left',
      wound,
    });
    await nurse.call('assessWound', {
      thread,
      wound,
      found: {
        ...nothingFound,
        photo,
        lengthMm,
        widthMm,
        depthMm,
        areaMm2: lengthMm * widthMm,
        areaSource: 'computed',
        tissue: { necrosis, slough, granulation: 95 - necrosis - slough, epithelium: 5 },
        exudate,
        exudateType: 'serous',
        edges: ['attached'],
        periwound: ['erythema'],
        odour: 'none',
        pain,
        infectionSigns: index === 3 ? ['erythema', 'warmth', 'increasingPain'] : [],
        dressing: 'Hydrocellulaire, bande de maintien',
        trend,
      },
    });
  }
  const place = { thread };
  const task = await nurse.call('createTask', {
    ...place,
    new: {
      title: 'Prélever un INR et une glycémie à jeun, résultats au cabinet avant midi',
      detail: 'Tube citraté rempli jusqu’au trait.',
      owner: me,
      priority: 'normal',
      dueMs: Date.now() + 20 * HOUR_MS,
      about: null,
    },
  });
  const plain = { detail: '', priority: 'normal' as const, dueMs: null, about: null };
  const shoes = await nurse.call('createTask', {
    ...place,
    new: { ...plain, title: 'Commander la chaussure de décharge', owner: doctorId },
  });
  await nurse.call('createTask', {
    ...place,
    new: {
      ...plain,
      title: 'Prévenir le petit-fils du passage de samedi',
      owner: null,
      dueMs: Date.now() - HOUR_MS,
    },
  });
  const handover = await nurse.call('writeHandover', {
    thread,
    note: {
      situation: 'Talon gauche rouge et chaud depuis ce matin, 38,5 °C, douleur 6/10.',
      background: 'Escarre de stade 3 depuis septembre, diabète, AVK. Allergie à la pénicilline.',
      assessment: 'Bords inflammatoires, 5,3 cm², exsudat modéré, pas d’odeur.',
      request: 'Faut-il prélever et débuter un traitement ? Un passage ce soir serait utile.',
      requestKind: 'visit',
      deadlineMs: Date.now() + 6 * HOUR_MS,
      receivers: [doctorId, me],
    },
  });
  await until(
    doctor,
    () => doctor.call('threads', {}),
    (all) => all.some((known) => known.thread === thread && known.state.type === 'joined'),
  );
  await until(
    doctor,
    () => doctor.call('handovers', { thread }),
    (all) => all.length === 1,
  );
  await doctor.call('changeTask', { thread, task: shoes, change: 'done', reason: '' });
  await doctor.call('acknowledgeHandover', {
    thread,
    handover,
    synthesis: 'Surveiller la température à 20 h. Au-delà de 39 °C, j’appelle la garde. Je passe à 18 h 30.',
  });
  await say(
    doctor,
    'Merci Maëlle-Anne. Pas de pénicilline : je prescris la clindamycine, ordonnance au cabinet.',
  );
  const seen = await doctor.call('timelineBefore', { thread, beforeSeq: null, limit: 1 });
  const last = seen.items.at(-1);
  if (last) await doctor.call('markRead', { thread, seq: last.seq ?? 0 });
  await say(
    nurse,
    'Fièvre à 38,5 °C, talon chaud et rouge jusqu’à la cheville. Qui peut passer avant 16 h ?',
    'urgent',
  );
  await doctor.synced();
  await nurse.synced();
  return { thread, wound, task, handover, nurse: id(NURSE), doctor: doctorId };
}

/** Threads that are there beside it. */
async function otherThreads(practice: Seeded, me: string, doctorId: string): Promise<string> {
  const { nurse, doctor } = practice;
  const circle = [me, doctorId].map((person) => ({
    person,
    role: 'manager' as const,
    expiresAtMs: null,
    roleText: '',
    basis: 'careTeam' as const,
    consentDate: null,
    past: { type: 'everything' as const },
  }));
  const open = (title: string, header: typeof MARCEL | null) =>
    nurse.call('createThread', { new: { title, header, members: circle } });
  const marcel = await open('Insuline et pansements', MARCEL);
  const message = (thread: string, text: string) => ({
    thread,
    text,
    priority: 'normal' as const,
    replyTo: null,
  });
  await nurse.call('sendMessage', message(marcel, 'Glycémie à 1,24 g/L ce matin, rien à signaler.'));
  const odette = await open(
    'Retour d’hospitalisation, bas de contention et kinésithérapie respiratoire',
    ODETTE,
  );
  await nurse.call(
    'sendMessage',
    message(odette, 'Sortie prévue demain vers 14 h 30. Qui prend le premier passage ?'),
  );
  await nurse.call('createTask', {
    thread: odette,
    new: {
      title: 'Renouveler la compression veineuse',
      detail: '',
      owner: me,
      priority: 'urgent',
      dueMs: Date.now() + 3 * HOUR_MS,
      about: null,
    },
  });
  const admin = await open('Planning des remplacements de décembre', null);
  await nurse.synced();
  await until(
    doctor,
    () => doctor.call('threads', {}),
    (all) => all.length === 4,
  );
  await doctor.call(
    'sendMessage',
    message(admin, 'Je suis absent du 21 au 28, le Dr Essai-Rivière me remplace.'),
  );
  await doctor.synced();
  return admin;
}

/** Founds the practice in a browser of phone size and fills it. */
export async function foundPractice(browser: Browser, world: World): Promise<Practice> {
  const phone = await Phone.make(browser, world.server.url);
  world.devices.push(phone);
  await phone.enrol(world.server.setUpLink, COORDINATOR);
  const [nurse, doctor] = [world.colleague(), world.colleague()];
  await nurse.enrol(await phone.invite(NURSE));
  await doctor.enrol(await phone.invite(DOCTOR));
  const people = await until(
    nurse,
    () => nurse.call('people', {}),
    (all) => all.length === 3 && all.every(({ card, confirmed }) => card !== null && confirmed),
  );
  const me = people.find(({ card }) => card?.familyName === COORDINATOR.familyName)!.person;
  const found = await careThread(browser, { nurse, doctor }, me);
  const quiet = await otherThreads({ nurse, doctor }, me, found.doctor);
  const substitute = world.colleague();
  await substitute.enrol(await phone.invite(SUBSTITUTE));
  const fr = await phone.invite(NEWCOMERS.fr);
  const en = await phone.invite(NEWCOMERS.en);
  const path = await phone.page.locator('a[href^="/invite/"]').first().getAttribute('href');
  return {
    phone,
    nurse,
    doctor,
    ids: { ...found, quiet, invited: path!.split('/').at(-1)! },
    links: { fr, en, setUp: world.server.setUpLink },
  };
}
