import { expect, test } from './world/index.ts';
import { practice } from './world/practice.ts';

test('a finger opens what the code opens, the code still does, and a stranger’s finger does not', async ({
  world,
}) => {
  const { claire } = await practice(world);
  const { page } = claire;
  const path = new URL(page.url()).pathname;
  const authenticator = await claire.context.newCDPSession(page);
  await authenticator.send('WebAuthn.enable');
  const { authenticatorId } = await authenticator.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      hasPrf: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  const load = (to: string) => page.goto(new URL(to, page.url()).href);
  const finger = page.getByRole('button', { name: 'Empreinte ou visage', exact: true });
  await load('/settings/access');
  await claire.unlock();
  await page.getByText('Activer l’empreinte ou le visage').click();
  await expect(page.getByText('Désactiver l’empreinte ou le visage')).toBeVisible();

  await load(path);
  await finger.click();
  await expect(claire.composer).toBeVisible();
  await load(path);
  await claire.unlock();
  await expect(claire.composer).toBeVisible();

  await load(path);
  await authenticator.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await finger.click();
  await expect(finger).toBeEnabled();
  await expect(claire.composer).toBeHidden();
  await expect(page.getByRole('heading', { name: 'Relais est verrouillé' })).toBeVisible();

  // Taken away, it opens nothing, and the code does.
  await claire.unlock();
  await load('/settings/access');
  await claire.unlock();
  await page.getByText('Désactiver l’empreinte ou le visage').click();
  await expect(page.getByText('Activer l’empreinte ou le visage')).toBeVisible();
  await load(path);
  await claire.unlock();
  await expect(claire.composer).toBeVisible();
});
