/** The app as one person holds it, for pictures and measures: any size, theme and path. */
import { expect, type Browser } from '@playwright/test';
import { Device, PIN } from '../e2e/world/device.ts';

/** A first catch-up on a busy machine. */
const OPEN_MS = 60_000;

export const SIZES = {
  phone: { width: 390, height: 844 },
  small: { width: 320, height: 568 },
  tablet: { width: 768, height: 1024 },
} as const;

export class Phone extends Device {
  static async make(browser: Browser, url: string): Promise<Phone> {
    const context = await browser.newContext({
      viewport: SIZES.phone,
      locale: 'fr-FR',
      timezoneId: 'Europe/Paris',
      hasTouch: true,
      isMobile: true,
      deviceScaleFactor: 2,
      reducedMotion: 'reduce',
      permissions: ['notifications', 'camera'],
    });
    context.setDefaultTimeout(20_000);
    return new Phone(context, url);
  }

  /** Opens the lock in any language; the app is then where it was. */
  override async unlock(): Promise<void> {
    const lock = this.page.locator('.lock');
    await lock.waitFor({ timeout: OPEN_MS });
    await this.page.keyboard.type(PIN);
    await lock.waitFor({ state: 'detached', timeout: OPEN_MS });
  }

  /** Loads the app anew at a path, and opens it. */
  async load(path: string): Promise<void> {
    await this.page.goto(new URL(path, this.page.url()).href);
    await this.unlock();
    await this.settled();
  }

  override async visit(path: string): Promise<void> {
    await super.visit(path);
    await this.settled();
  }

  /** Language is read when the app starts. */
  async speak(language: 'fr' | 'en'): Promise<void> {
    await this.page.evaluate((to) => localStorage.setItem('relais.language', to), language);
    await this.load('/');
  }

  /** Nothing loads any more; fonts and pictures are there, movements are over. */
  async settled(): Promise<void> {
    const { page } = this;
    await page.locator('h1').first().waitFor({ state: 'attached' });
    await expect(page.locator('.skeleton, [aria-busy="true"]')).toHaveCount(0, { timeout: OPEN_MS });
    await page.evaluate(async () => {
      await document.fonts.ready;
      await Promise.all([...document.images].map((image) => image.decode().catch(() => undefined)));
      const finite = document
        .getAnimations()
        .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
      await Promise.all(finite.map(({ finished }) => finished.catch(() => undefined)));
      await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    });
  }
}
