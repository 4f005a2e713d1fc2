import { expect, HERVE, MARC, test } from './world/index.ts';
import { cardOf, confirmed, member, practice } from './world/practice.ts';
import { listing, seen } from './world/timeline.ts';

const ROUNDS = [1, 2, 3];

test('a browser, a native device, Python and a terminal in one thread: all have the same, in the same order', async ({
  world,
}) => {
  const { agnes, claire, thread } = await practice(world);
  const herve = await world.terminal();
  const { link, person } = await agnes.invite(cardOf(HERVE));
  await herve.run('join', link);
  const marc = world.python();
  const invited = await agnes.invite(cardOf(MARC));
  await marc.call('join', { link: invited.link });
  for (const who of [person, invited.person]) {
    await confirmed(agnes, who);
    await agnes.call('addMember', { thread, member: member(who) });
  }
  await claire.write('Du navigateur, avant tous');
  await expect.poll(async () => (await herve.run('thread', 'list')).threads).toHaveLength(1);
  await expect.poll(() => marc.call('threads')).toEqual([thread]);

  // All write at once; the terminal's first text waits on its device.
  await herve.run('--offline', 'send', thread, 'Du terminal, sans réseau');
  for (const round of ROUNDS) {
    await Promise.all([
      claire.write(`Du navigateur, ${round}`),
      agnes.call('sendMessage', { thread, text: `Du natif, ${round}`, priority: 'normal', replyTo: null }),
      herve.run('send', thread, `Du terminal, ${round}`),
      marc.call('send', { thread, text: `De Python, ${round}` }),
    ]);
  }
  await claire.photograph('Photo du navigateur');
  const task = { detail: '', owner: person, priority: 'normal', dueMs: null, about: null } as const;
  await agnes.call('createTask', { thread, new: { ...task, title: 'Appeler la famille' } });
  await expect.poll(() => herve.listing(thread)).toContain('task Appeler la famille');
  await herve.run('task', 'done', thread, 'famille');

  await expect.poll(() => listing(agnes, thread)).toContain('done Appeler la famille');
  const expected = await listing(agnes, thread);
  const texts = ROUNDS.flatMap((round) =>
    ['Du navigateur', 'Du natif', 'Du terminal', 'De Python'].map((who) => `${who}, ${round}`),
  );
  const others = [
    'Du navigateur, avant tous',
    'Du terminal, sans réseau',
    'photo Photo du navigateur',
    'task Appeler la famille',
    'done Appeler la famille',
  ];
  expect([...expected].sort()).toEqual([...texts, ...others].sort());
  await expect.poll(() => herve.listing(thread)).toEqual(expected);
  await expect.poll(() => marc.call('listing', { thread })).toEqual(expected);
  await expect.poll(() => seen(claire)).toEqual(expected);
});
