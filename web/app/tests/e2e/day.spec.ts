import { AGNES, CLAIRE, expect, HERVE, test } from './world/index.ts';
import { listing, readAll, seen } from './world/timeline.ts';

const NAME = 'Yvonne TRÉGUIER';

test('the day of a care thread: three people, three devices, the same thread on each', async ({ world }) => {
  const [agnes, claire, herve] = [await world.device(), await world.device(), world.colleague()];
  await agnes.enrol(world.server.setUpLink, AGNES);
  const links = [await agnes.invite(CLAIRE), await agnes.invite(HERVE)];
  await claire.enrol(links[0]!);
  await herve.enrol(links[1]!);

  // The coordinator opens the thread.
  const { page } = agnes;
  await agnes.tab('Fils').click();
  await page.getByRole('link', { name: 'Nouveau fil' }).click();
  await page.getByLabel('Nom de naissance').fill('Tréguier');
  await page.getByLabel('Prénoms de naissance').fill('Yvonne');
  await page.getByLabel('Date de naissance').fill('12031938');
  await page.getByRole('radio', { name: 'Féminin' }).click();
  await page.getByLabel('Motif').fill('plaie du talon');
  await agnes.button('Ajouter une alerte').click();
  await page.getByRole('textbox', { name: 'Alerte' }).fill('Pénicilline');
  await page.getByRole('dialog').getByRole('button', { name: 'Ajouter une alerte' }).click();
  await agnes.button('Continuer').click();
  for (const { givenName, familyName } of [CLAIRE, HERVE]) {
    const name = `${givenName} ${familyName}`;
    await page.getByRole('button', { name: 'Ajouter une personne' }).click();
    await page.getByRole('dialog').getByRole('button', { name }).click();
    await agnes.button(`Ajouter ${name}`).click();
    await expect(page.getByRole('button', { name })).toBeVisible();
  }
  await page.getByRole('radio', { name: 'Tout' }).click();
  await agnes.button('Ouvrir le fil').click();
  await expect(page.getByRole('heading', { level: 1, name: NAME })).toBeVisible();
  await expect(page.getByText('Pénicilline').first()).toBeInViewport();
  const thread = await herve.thread();
  await claire.openThread(NAME);

  // A message, and how far it has come.
  await agnes.write('Passage à 9 h, pansement propre');
  const first = agnes.item('pansement propre');
  await expect(first).toContainText('Lu (1/2)');
  await readAll(herve, thread);
  await expect(first).toContainText('Lu (2/2)');

  // An urgent request stays on top until somebody takes it.
  await claire.button('Priorité, tâche, transmission, plaie').click();
  await claire.page.getByRole('radio', { name: 'Urgent' }).click();
  await claire.closeSheet();
  await claire.composer.fill('Fièvre à 38,5 °C, qui peut passer avant midi ?');
  await claire.button('Envoyer en urgent').click();
  await expect(agnes.item('Fièvre à 38,5 °C')).toContainText('Urgent');
  await expect(claire.item('Fièvre à 38,5 °C')).toContainText('Lu (1/2)');
  await agnes.button('Retour').click();
  await agnes.tab('À traiter').click();
  const request = page.getByRole('article').filter({ hasText: 'Fièvre à 38,5 °C' });
  await expect(request).toContainText('non pris');
  await expect.poll(async () => (await herve.call('toDo', { limit: 10 })).urgent.length).toBe(1);
  const [row] = (await herve.call('toDo', { limit: 10 })).urgent;
  await herve.call('takeMessage', { thread, event: row!.event! });
  await expect(request).toHaveCount(0);
  const taken = 'Pris en charge par Hervé Quéméneur';
  await expect(claire.item('Fièvre à 38,5 °C').filter({ hasText: taken }).first()).toBeVisible();

  // A task, created and ticked.
  await agnes.openThread(NAME);
  await agnes.button('Priorité, tâche, transmission, plaie').click();
  await page.getByRole('button', { name: 'Nouvelle tâche' }).click();
  await page.getByLabel('À faire').fill('Commander les compresses');
  await page.getByRole('radio', { name: 'Claire Le Goff' }).check();
  await agnes.button('Créer la tâche').click();
  await claire.button('Cocher : Commander les compresses').click();
  await expect(agnes.item('Commander les compresses')).toContainText('Fait par Claire Le Goff');

  // A handover, acknowledged with a synthesis.
  await claire.button('Priorité, tâche, transmission, plaie').click();
  await claire.page.getByRole('link', { name: 'Transmission' }).click();
  await claire.page.getByLabel('Situation').fill('Talon rouge et chaud depuis ce matin');
  await claire.page.getByRole('textbox', { name: 'Demande' }).fill('Un avis avant ce soir');
  await claire.page.getByRole('checkbox', { name: 'Hervé Quéméneur' }).check();
  await claire.button('Transmettre à 1 personne').click();
  const handover = claire.item('Un avis avant ce soir');
  await expect(handover).toContainText('Accusé 0/1');
  await expect.poll(async () => (await herve.call('handovers', { thread })).length).toBe(1);
  const [note] = await herve.call('handovers', { thread });
  const synthesis = 'Je passe à 18 h, surveiller la température';
  await herve.call('acknowledgeHandover', { thread, handover: note!.event, synthesis });
  await expect(handover).toContainText('Accusé 1/1');
  await claire.page.getByRole('link', { name: 'Voir la transmission' }).click();
  await expect(claire.page.getByText(synthesis)).toBeVisible();
  await claire.button('Retour').click();

  // A photo of the camera in the page.
  await claire.photograph('Talon gauche');
  const photo = agnes.item('Talon gauche');
  await photo.getByRole('button', { name: 'Agrandir' }).click();
  await expect(page.getByText('Original affiché')).toBeVisible();
  await agnes.closeSheet();

  await expect.poll(() => listing(herve, thread)).toContain('photo Talon gauche');
  const expected = await listing(herve, thread);
  expect(expected).toEqual([
    'Passage à 9 h, pansement propre',
    'Fièvre à 38,5 °C, qui peut passer avant midi ?',
    'task Fièvre à 38,5 °C, qui peut passer avant midi ?',
    'taken Fièvre à 38,5 °C, qui peut passer avant midi ?',
    'task Commander les compresses',
    'done Commander les compresses',
    'handover Un avis avant ce soir',
    'acknowledged',
    'photo Talon gauche',
  ]);
  for (const device of [agnes, claire]) await expect.poll(() => seen(device)).toEqual(expected);
});
