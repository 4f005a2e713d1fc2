/** A browser of one person: a context of its own, used as they would. */
import { expect, type BrowserContext, type ConsoleMessage, type Locator, type Page } from '@playwright/test';

/** Of everybody: not easily guessed, and not secret here. */
export const PIN = '294718';

export interface Person {
  givenName: string;
  familyName: string;
  profession: string;
  rpps: string;
}

/** What a browser says by itself while there is no network. */
const NETWORK = /net::ERR_|WebSocket connection to|Failed to load resource|Failed to fetch/;

export class Device {
  readonly context: BrowserContext;
  readonly #url: string;
  /** Errors of the console and of scripts: none is expected, ever. */
  readonly errors: string[] = [];
  /** While the network is taken away, the browser's complaints about that are. */
  networkFails = false;
  #page: Page | null = null;

  constructor(context: BrowserContext, url: string) {
    this.context = context;
    this.#url = url;
    context.on('console', (message) => this.#said(message));
    context.on('weberror', (error) => this.errors.push(String(error.error())));
  }

  get page(): Page {
    if (!this.#page) throw new Error('no page is open');
    return this.#page;
  }

  /** Looks at another of its pages. */
  show(page: Page): void {
    this.#page = page;
  }

  /** Opens a page of the app. */
  async open(path = '/'): Promise<Page> {
    this.#page = await this.context.newPage();
    await this.page.goto(new URL(path, this.#url).href);
    return this.page;
  }

  /** From a link to the first screen. The card is asked with the set-up link alone. */
  async enrol(link: string, card?: Person): Promise<void> {
    await this.open(link);
    await this.button('Commencer').click();
    if (card) {
      await this.fillCard(card);
      await this.button('Continuer').click();
    }
    await expect(this.page.getByText('Choisissez un code à 6 chiffres')).toBeVisible();
    await this.typePin(PIN);
    await expect(this.page.getByText('Saisissez le même code.')).toBeVisible();
    await this.typePin(PIN);
    await this.button('Ouvrir Relais').click({ timeout: 60_000 });
    await expect(this.tab('Équipe')).toBeVisible();
  }

  async fillCard({ givenName, familyName, profession, rpps }: Person): Promise<void> {
    await this.page.getByLabel('Prénom').fill(givenName);
    await this.page.getByLabel('Nom', { exact: true }).fill(familyName);
    await this.page.getByLabel('Profession').selectOption({ label: profession });
    await this.page.getByLabel('Numéro RPPS').fill(rpps);
  }

  /** On the pad, key by key. */
  async typePin(pin: string): Promise<void> {
    const keys = this.page
      .getByRole('group', { name: 'Clavier du code' })
      .getByRole('button', { name: 'Touche' });
    for (const digit of pin) await keys.nth((Number(digit) + 9) % 10).click();
  }

  async unlock(pin = PIN): Promise<void> {
    await expect(this.page.getByRole('heading', { name: 'Relais est verrouillé' })).toBeVisible();
    await this.typePin(pin);
    await expect(this.page.getByRole('heading', { name: 'Relais est verrouillé' })).toBeHidden();
  }

  /** Invites somebody, up to the screen of the invitation. */
  async prepareInvitation(person: Person): Promise<void> {
    await this.tab('Équipe').click();
    await this.page.getByRole('link', { name: 'Inviter sur Relais' }).click();
    await this.fillCard(person);
    await this.button('Créer l’invitation').click();
  }

  /** Invites somebody, and gives the link that their phone would scan. */
  async invite(person: Person): Promise<string> {
    await this.prepareInvitation(person);
    return this.invitationLink();
  }

  /** The link of the invitation that is shown. */
  async invitationLink(): Promise<string> {
    const { page } = this;
    await expect(page.getByText('À scanner avec son téléphone')).toBeVisible();
    await this.context.grantPermissions(['clipboard-read', 'clipboard-write']);
    // Where nothing can be shared, the link is copied.
    await page.evaluate(async () => {
      Object.defineProperty(navigator, 'share', { value: undefined });
      await navigator.clipboard.writeText('');
    });
    await this.button('Envoyer le lien').click();
    const copied = () => page.evaluate(() => navigator.clipboard.readText());
    await expect.poll(copied).toContain('/join#');
    const link = await copied();
    await this.button('Retour').click();
    return link;
  }

  /** From the list of threads, once it is there. */
  async openThread(name: string): Promise<void> {
    await this.openTab('Fils');
    await this.page.getByRole('link', { name }).click();
    await expect(this.page.getByRole('heading', { level: 1, name })).toBeVisible();
  }

  /** Goes to a path as a link of the app does. */
  async visit(path: string): Promise<void> {
    await this.page.evaluate((to) => {
      const link = document.createElement('a');
      link.href = to;
      link.hidden = true;
      document.body.append(link);
      link.click();
      link.remove();
    }, path);
    await this.page.waitForURL((url) => url.pathname + url.search === path);
  }

  /** Writes in the open thread. */
  async write(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.button('Envoyer').click();
    await expect(this.composer).toHaveValue('');
  }

  /** Takes a photo in the open thread and sends it. */
  async photograph(caption: string): Promise<void> {
    await this.takePhoto();
    await this.page.getByLabel('Légende').fill(caption);
    await this.sendPhoto();
  }

  /** From the open thread to the photo that is about to be sent. */
  async takePhoto(): Promise<void> {
    await this.page.getByRole('link', { name: 'Photographier' }).click();
    await this.button('Prendre la photo').click();
    await expect(this.page.getByRole('application', { name: 'Photo à envoyer' })).toBeVisible();
  }

  async sendPhoto(): Promise<void> {
    await this.button(/^Envoyer à \d+ personnes?$/).click();
    await expect(this.composer).toBeVisible();
  }

  /** Closes the sheet or picture that is open. */
  async closeSheet(): Promise<void> {
    await this.page.getByRole('dialog').getByRole('button', { name: 'Fermer' }).first().click();
  }

  /**
   * A list takes no tap for a moment after it was scrolled. A tap that has to scroll first would
   * press before that and let go in it, and is lost.
   */
  async listAtRest(): Promise<void> {
    await expect(this.page.locator('[style*="pointer-events: none"]')).toHaveCount(0);
  }

  /** How many taps something takes. */
  async taps(act: () => Promise<void>): Promise<number> {
    const counted = await this.page.evaluateHandle(() => {
      const counted = { taps: 0 };
      addEventListener('click', ({ isTrusted }) => isTrusted && (counted.taps += 1), true);
      return counted;
    });
    await act();
    return counted.evaluate(({ taps }) => taps);
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: 'Message' });
  }

  /** What the timeline shows of an event: its bubble, card or figure. */
  item(text: string): Locator {
    const timeline = this.page.getByRole('region', { name: 'Messages du fil' });
    return timeline.locator('button.bub, article, figure').filter({ hasText: text });
  }

  /** The app goes to the background, or comes back. */
  async hide(hidden: boolean): Promise<void> {
    await this.page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  }

  /** Goes to the screen of a tab: what the last one listed is gone. */
  async openTab(name: string): Promise<void> {
    await this.tab(name).click();
    await expect(this.page.getByRole('heading', { level: 1, name, exact: true })).toBeVisible();
  }

  tab(name: string): Locator {
    return this.page.getByRole('navigation', { name: 'Navigation principale' }).getByRole('link', { name });
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  async offline(off: boolean): Promise<void> {
    if (off) this.networkFails = true;
    await this.context.setOffline(off);
  }

  #said(message: ConsoleMessage): void {
    if (message.type() !== 'error') return;
    const text = `${message.text()} (${message.location().url})`;
    if (this.networkFails && NETWORK.test(text)) return;
    this.errors.push(text);
  }
}
