import { drawWound } from '../practice/photo.ts';
import type { PatientHeader } from '../../src/lib/relais/types.ts';
import type { Colleague } from './world/colleague.ts';
import { AGNES, CLAIRE, expect, HERVE, test } from './world/index.ts';
import { expectText, hostile, noticed, PAYLOADS, watchFor } from './world/hostile.ts';
import { cardOf, confirmed, member, YVONNE } from './world/practice.ts';

const LONG = 'M'.repeat(100);

const HEADER: PatientHeader = {
  ...YVONNE,
  birthName: hostile('birth'),
  birthGivenNames: [hostile('given')],
  usedName: hostile('used'),
  alerts: [
    { label: hostile('alert'), kind: 'allergy' },
    { label: LONG, kind: 'risk' },
  ],
  contacts: [{ name: hostile('contact'), relation: hostile('relation'), phone: '01 99 00 12 34' }],
  careAims: [hostile('aim')],
};
const NOTE = {
  situation: hostile('situation'),
  background: hostile('background'),
  assessment: hostile('assessment'),
  request: hostile('request'),
};

test('what hostile colleagues write is text on every screen, and nothing of it runs', async ({
  browser,
  world,
}) => {
  const [agnes, herve, claire] = [world.colleague(), world.colleague(), await world.device()];
  const called = (person: typeof AGNES, name: string) => ({
    ...cardOf(person),
    givenName: hostile(`${name}Given`),
    familyName: hostile(`${name}Family`),
  });
  await watchFor(claire);
  await agnes.enrol(world.server.setUpLink, called(AGNES, 'agnes'));
  const doctor = await agnes.invite(called(HERVE, 'herve'));
  const nurse = await agnes.invite(called(CLAIRE, 'claire'));
  await agnes.synced();
  await herve.enrol(doctor.link);
  await claire.enrol(nurse.link);
  for (const { person } of [doctor, nurse]) await confirmed(agnes, person);

  const thread = await agnes.call('createThread', {
    new: {
      title: hostile('title'),
      header: HEADER,
      members: [doctor, nurse].map(({ person }) => ({
        ...member(person),
        role: 'manager' as const,
        roleText: hostile('role'),
      })),
    },
  });
  const bare = await agnes.call('createThread', {
    new: { title: hostile('bare'), header: null, members: [member(nurse.person)] },
  });
  const say = (text: string) =>
    agnes.call('sendMessage', { thread, text, priority: 'urgent', replyTo: null });
  // What turns the direction of reading around does not leave a device.
  await expect(say('\u202Etxet')).rejects.toThrow('sendMessage');

  await say(PAYLOADS.slice(0, 100).join('\n'));
  await say(PAYLOADS.slice(100).join('\n'));
  const asked = await say('M'.repeat(4_000));
  await agnes.call('sendMessage', { thread, text: hostile('answer'), priority: 'normal', replyTo: asked });
  const left = { detail: hostile('detail'), priority: 'urgent', dueMs: null, about: null } as const;
  const task = await agnes.call('createTask', {
    thread,
    new: { ...left, title: hostile('task'), owner: doctor.person },
  });
  await agnes.call('createTask', { thread, new: { ...left, title: hostile('mine'), owner: nurse.person } });
  const handover = await agnes.call('writeHandover', {
    thread,
    note: { ...NOTE, requestKind: 'visit', deadlineMs: null, receivers: [nurse.person, doctor.person] },
  });
  const wound = await agnes.call('openWound', {
    thread,
    new: {
      origin: 'other',
      onset: null,
      site: { code: '', words: hostile('site'), laterality: 'left' },
      place: null,
    },
  });
  const photo = await drawWound(browser, {
    lengthMm: 30,
    widthMm: 20,
    slough: 0,
    necrosis: 0,
    seed: 3,
    size: 320,
  });
  await agnes.call('sendPhoto', {
    thread,
    photo,
    caption: hostile('caption'),
    bodySite: hostile('bodySite'),
    laterality: null,
    wound,
  });
  await answer(herve, { thread, task, handover });

  const at = `/t/${thread}`;
  const names = ['agnes', 'herve'].flatMap((name) => [hostile(`${name}Given`), hostile(`${name}Family`)]);
  const identity = [HEADER.birthName, HEADER.usedName, hostile('alert'), LONG];
  const { page } = claire;
  await page.setViewportSize({ width: 390, height: 12_000 });
  await claire.visit(at);
  await expectText(page, [
    ...PAYLOADS,
    ...identity,
    ...Object.values(NOTE),
    ...['answer', 'task', 'mine', 'site', 'caption', 'bodySite', 'role'].map((field) => hostile(field)),
    ...names,
  ]);
  const figure = page.getByRole('figure').getByRole('button', { name: 'Agrandir' });
  await figure.click();
  await expectText(page, [hostile('caption')]);
  await claire.closeSheet();
  await page.getByRole('article').getByText(hostile('task')).first().click();
  await expectText(page, [hostile('detail'), hostile('reason')]);
  await claire.closeSheet();
  await page.setViewportSize({ width: 390, height: 844 });

  for (const [path, texts] of [
    ['/', [HEADER.usedName, hostile('mine'), ...names.slice(0, 2)]],
    ['/threads', [HEADER.usedName, hostile('bare')]],
    [`/t/${bare}`, [hostile('bare')]],
    ['/tasks', [hostile('mine')]],
    [
      `${at}/header`,
      [...identity, hostile('given'), hostile('contact'), hostile('relation'), hostile('aim')],
    ],
    [`${at}/header/edit`, [...identity, hostile('given'), hostile('contact'), hostile('aim')]],
    [`${at}/circle`, [...identity, ...names, hostile('role')]],
    [`${at}/tasks`, [hostile('mine')]],
    [`${at}/past`, []],
    [`${at}/handover`, [hostile('alert'), ...names]],
    [`${at}/handovers/${handover}`, [...Object.values(NOTE), hostile('synthesis'), ...names]],
    [`${at}/wounds`, [hostile('site')]],
    [`${at}/wounds/${wound}`, [hostile('site')]],
    [`${at}/wounds/${wound}/assess`, [hostile('site')]],
    [`${at}/camera`, [HEADER.usedName]],
    ['/team', names],
    [`/team/${doctor.person}`, names.slice(2)],
    [`/team/${doctor.person}/safety`, names.slice(2, 3)],
    ['/settings', [hostile('claireGiven'), hostile('claireFamily')]],
  ] as const) {
    await test.step(path, async () => {
      await claire.visit(path);
      await expectText(page, [...texts]);
    });
  }
  await claire.visit('/search');
  await page.getByRole('searchbox').fill('answer');
  await expectText(page, [hostile('answer')]);
  expect(claire.errors).toEqual([]);

  // What would have run is noticed.
  await page.evaluate(() => location.assign('javascript:hostile()'));
  await expect.poll(() => noticed(page)).not.toEqual([]);
  claire.errors.length = 0;
});

/** The doctor declines the task and acknowledges the handover, each with words of their own. */
async function answer(
  doctor: Colleague,
  { thread, task, handover }: { thread: string; task: string; handover: string },
): Promise<void> {
  const there = async () => (await doctor.call('handovers', { thread }).catch(() => [])).length;
  await expect.poll(there).toBe(1);
  await doctor.call('changeTask', { thread, task, change: 'declined', reason: hostile('reason') });
  await doctor.call('acknowledgeHandover', { thread, handover, synthesis: hostile('synthesis') });
}
