import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type ConsoleMessage, type Page } from '@playwright/test';
import { Device, expect, PIN, test } from './world/index.ts';
import { practice, YVONNE_NAME } from './world/practice.ts';
import { original } from './world/timeline.ts';

/** Words that are nowhere else. */
const MESSAGE = 'Zirconiade-message';
const CAPTION = 'Zirconiade-legende';
const DRAFT = 'Zirconiade-brouillon';
const HANDOVER = 'Zirconiade-transmission';
const TASK = 'Zirconiade-tache';
const SYNTHESIS = 'Zirconiade-precisions';
const SEARCHED = 'Zirconiade-recherche';
const CONTROL = 'Zirconiade-temoin';
const TYPED = [DRAFT, HANDOVER, TASK, SYNTHESIS, SEARCHED];

// proves: S3
test('nothing of a patient is on the disk, in the address, the title, a notification or the console', async ({
  world,
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'relais-e2e-profile-'));
  const { launchOptions, ...use } = test.info().project.use;
  const context = await chromium.launchPersistentContext(folder, { ...launchOptions, ...use });
  const claire = new Reader(context, world.server.url);
  world.devices.push(claire);
  const said: string[] = [];
  const places = new Set<string>();
  context.on('console', (message: ConsoleMessage) => said.push(message.text()));
  const look = async () =>
    places.add(await claire.page.evaluate(() => `${document.title} ${location.href} ${history.state}`));

  try {
    const { agnes, thread, link } = await practice(world, claire);
    claire.page.on('framenavigated', (frame) => places.add(frame.url()));
    const message = { thread, text: MESSAGE, priority: 'urgent', replyTo: null } as const;
    await agnes.call('sendMessage', message);
    await expect(claire.item(MESSAGE)).toBeVisible();
    await look();
    await claire.photograph(CAPTION);
    // Shown once the list was scrolled to it.
    await expect(claire.item(CAPTION)).toBeVisible();
    await claire.listAtRest();
    await claire.item(CAPTION).getByRole('button', { name: 'Agrandir' }).click();
    await expect(claire.page.getByText('Original affiché')).toBeVisible();
    await look();
    await claire.closeSheet();
    const photo = await original(agnes, thread, CAPTION);
    await typeEverywhere(claire, look);
    await claire.page.evaluate((word) => localStorage.setItem('control', word), CONTROL);

    await claire.tab('À traiter').click();
    await look();
    await claire.page.getByRole('link', { name: 'Mon profil et mes réglages' }).click();
    await claire.button('Verrouiller maintenant').click();
    await expect(claire.page.getByRole('heading', { name: 'Relais est verrouillé' })).toBeVisible();
    const notified = await claire.page.evaluate(async () =>
      (await (await navigator.serviceWorker.ready).getNotifications()).map((one) => one.title + one.body),
    );
    await context.close();

    const secret = new URL(link).hash.slice(1);
    const needles = [YVONNE_NAME, 'Tréguier', MESSAGE, CAPTION, ...TYPED, secret];
    const shown = [...said, ...places, ...notified].join('\n');
    for (const needle of [...needles, PIN]) expect(shown).not.toContain(needle);

    const found = await search(folder, [...needles.flatMap(written), ...samples(photo)]);
    expect(found).toEqual([]);
    expect(await search(folder, [CONTROL].flatMap(written))).not.toEqual([]);
  } finally {
    await context.close();
    await rm(folder, { recursive: true, force: true });
  }
});

/** Gives the app a link by hand: one that the browser opens stands in the browser's own history. */
class Reader extends Device {
  override async open(path = '/'): Promise<Page> {
    if (!path.includes('#')) return super.open(path);
    const page = await super.open();
    await this.button('Coller un lien').click();
    await page.getByLabel('Lien reçu').fill(path);
    await page.getByRole('dialog').getByRole('button', { name: 'Continuer' }).click();
    return page;
  }
}

/** A word in each field that keeps what is typed. */
async function typeEverywhere(claire: Device, look: () => Promise<unknown>): Promise<void> {
  const { page } = claire;
  await claire.composer.fill(DRAFT);
  await claire.button('Priorité, tâche, transmission, plaie').click();
  await page.getByRole('button', { name: 'Nouvelle tâche' }).click();
  await page.getByLabel('À faire').fill(TASK);
  await page.getByLabel('Précisions').fill(SYNTHESIS);
  await look();
  await claire.closeSheet();
  await claire.button('Priorité, tâche, transmission, plaie').click();
  await page.getByRole('link', { name: 'Transmission' }).click();
  await page.getByLabel('Situation').fill(HANDOVER);
  await look();
  await page.getByRole('banner').getByRole('button', { name: 'Fermer' }).click();
  await claire.button('Retour').click();
  await claire.tab('À traiter').click();
  await page.getByRole('link', { name: 'Rechercher' }).click();
  await page.getByRole('searchbox').fill(SEARCHED);
  await expect(page.getByText('Rien de trouvé sur cet appareil')).toBeVisible();
  await look();
  await claire.button('Retour').click();
}

interface Needle {
  name: string;
  bytes: Buffer;
}

/** A text as a program may have written it. */
function written(text: string): Needle[] {
  return (['utf8', 'latin1', 'utf16le'] as const).map((encoding) => ({
    name: `${text} (${encoding})`,
    bytes: Buffer.from(text, encoding),
  }));
}

/** Pieces from the inside of a picture. */
function samples(photo: Uint8Array): Needle[] {
  return [0.3, 0.5, 0.8].map((share) => {
    const at = Math.floor(photo.length * share);
    return { name: `photo at ${at}`, bytes: Buffer.from(photo.slice(at, at + 24)) };
  });
}

/** Which of them stand in which files of a folder. The PIN is looked for among no other digits. */
async function search(folder: string, needles: Needle[]): Promise<string[]> {
  const pin = new RegExp(`(?<!\\d)${PIN}(?!\\d)|(?<!\\d\\0)${[...PIN].join('\\0')}(?!\\0\\d)`);
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const inside = needles.filter(({ bytes: needle }) => bytes.includes(needle)).map(({ name }) => name);
    if (pin.test(bytes.toString('latin1'))) inside.push('PIN');
    found.push(...inside.map((name) => `${path.slice(folder.length + 1)}: ${name}`));
  }
  return found;
}
