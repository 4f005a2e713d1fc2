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

test('an invitation made without a network says whom it is for, and has its code once the server knows it', async ({
  world,
}) => {
  const agnes = await world.device();
  await agnes.enrol(world.server.setUpLink, AGNES);
  const { page } = agnes;
  await expect(page.getByText('À jour')).toBeVisible();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await agnes.offline(true);
  await agnes.prepareInvitation(CLAIRE);
  await expect(page.getByText('En attente du réseau')).toBeVisible();
  await expect(page.getByRole('heading', { name: `${CLAIRE.givenName} ${CLAIRE.familyName}` })).toBeVisible();
  await expect(page.getByRole('img', { name: 'Code de l’invitation' })).toHaveCount(0);
  await expect(agnes.button('Envoyer le lien')).toHaveCount(0);
  await agnes.button('Retour').click();
  const row = page.getByRole('link', { name: `${CLAIRE.givenName} ${CLAIRE.familyName}` });
  await expect(row).toContainText('En attente du réseau');

  await agnes.offline(false);
  await expect(row).toContainText('Encore valable');
  await row.click();
  await expect(page.getByRole('img', { name: 'Code de l’invitation' })).toBeVisible();
  const claire = await world.device();
  await claire.enrol(await agnes.invitationLink());
});
