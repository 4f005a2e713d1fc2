import { expect, PIN, test, type Device } from './world/index.ts';
import { practice } from './world/practice.ts';

const WRONG = '503816';

/** Sets the device to lock as soon as it is hidden. */
async function lockAtOnce(device: Device): Promise<void> {
  const { page } = device;
  await page.goto(new URL('/settings', page.url()).href);
  await device.unlock();
  await page.getByRole('button', { name: /^Verrouillage/ }).click();
  await page.getByRole('radio', { name: 'tout de suite' }).click();
  await expect(page.getByRole('button', { name: /^Verrouillage.*tout de suite/s })).toBeVisible();
}

// proves: S3
test('the cover comes at once, the keys go after the set time, the draft comes back', async ({ world }) => {
  const { claire } = await practice(world);
  const { page } = claire;
  await page.clock.install();
  await page.reload();
  await claire.unlock();
  await claire.composer.fill('Pansement à refaire');
  const root = page.locator('html');

  await claire.hide(true);
  await expect(root).toHaveAttribute('data-covered');
  expect(await claire.composer.isVisible()).toBe(false);
  expect(page.workers()).toHaveLength(1);
  await claire.hide(false);
  await expect(claire.composer).toBeVisible();

  await claire.hide(true);
  await page.clock.fastForward('01:01');
  await expect(page.locator('.lock')).toBeAttached();
  await expect.poll(() => page.workers().length).toBe(0);
  expect(await page.evaluate(() => document.body.innerText)).not.toContain('Pansement');
  await claire.hide(false);
  await claire.unlock();
  await expect(claire.composer).toHaveValue('Pansement à refaire');
});

test('locked at once, in the middle of a word: the word comes back', async ({ world }) => {
  const { claire } = await practice(world);
  const { page } = claire;
  const thread = new URL(page.url()).pathname;
  await lockAtOnce(claire);
  await page.goto(new URL(thread, page.url()).href);
  await claire.unlock();

  for (const word of ['Pansement', 'Pansement refait', 'Pansement refait, fibrine']) {
    await claire.composer.fill(word);
    await claire.hide(true);
    await expect(page.locator('.lock')).toBeAttached();
    await expect.poll(() => page.workers().length).toBe(0);
    await claire.hide(false);
    await claire.unlock();
    await expect(claire.composer).toHaveValue(word);
  }
});

test('opened while the person is already gone: it is locked all the same', async ({ world }) => {
  const { claire } = await practice(world);
  const { page } = claire;
  await lockAtOnce(claire);
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Relais est verrouillé' })).toBeVisible();
  await claire.typePin(PIN);
  await claire.hide(true);
  await expect.poll(() => page.workers().length).toBe(0);
  await claire.hide(false);
  await claire.unlock();
});

test('wrong codes are counted and delayed, whatever the person does', async ({ world }) => {
  const { claire } = await practice(world);
  const { page } = claire;
  await page.reload();
  for (const left of [9, 8, 7, 6]) {
    await claire.typePin(WRONG);
    await expect(page.getByText(`Encore ${left} essais avant l’effacement`)).toBeVisible();
  }
  const delay = page.getByText(/^Nouvel essai dans \d+\ss$/);
  await expect(delay).toBeVisible();
  const key = page.getByRole('button', { name: 'Touche' }).first();
  await expect(key).toBeDisabled();

  await page.reload();
  await expect(delay).toBeVisible();
  await expect(page.getByText('Encore 6 essais avant l’effacement')).toBeVisible();
  // Not a digit of the code is in the document.
  expect(await page.content()).not.toContain(PIN);
  await expect(key).toBeEnabled({ timeout: 40_000 });
  await claire.unlock();
  await expect(claire.composer).toBeVisible();
});
