import { AGNES, CLAIRE, expect, HERVE, test } from './world/index.ts';

test('three people enrol: a set-up link, then two invitations', async ({ world }) => {
  const [agnes, claire, herve] = [await world.device(), await world.device(), await world.device()];
  await agnes.enrol(world.server.setUpLink, AGNES);
  // The link is neither in the address nor in the history.
  expect(agnes.page.url()).not.toContain('#');
  expect(await agnes.page.evaluate(() => JSON.stringify(history.state))).not.toContain('join');

  const links = [await agnes.invite(CLAIRE), await agnes.invite(HERVE)];
  await claire.enrol(links[0]!);
  await herve.enrol(links[1]!);

  for (const device of [agnes, claire, herve]) {
    await device.tab('Équipe').click();
    for (const { givenName, familyName } of [AGNES, CLAIRE, HERVE])
      await expect(device.page.getByRole('link', { name: `${givenName} ${familyName}` })).toBeVisible();
    await expect(device.page.getByText('À confirmer')).toHaveCount(0);
  }
});
