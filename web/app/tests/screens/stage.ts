/** What a screen is shown on: somebody's phone, in a language, with the names that the app gives there. */
import type { Locator, Page } from '@playwright/test';
import { m } from '../../src/paraglide/messages.js';
import type { Ids } from '../practice/practice.ts';
import type { Phone } from '../practice/phone.ts';

export type Language = 'fr' | 'en';
type Words<I> = (inputs: I, options: { locale: Language }) => string;

export class Stage {
  readonly phone: Phone;
  readonly language: Language;
  readonly ids: Ids;

  constructor(phone: Phone, language: Language, ids: Ids) {
    this.phone = phone;
    this.language = language;
    this.ids = ids;
  }

  get page(): Page {
    return this.phone.page;
  }

  /** The sheet on top, or the whole screen where there is none. */
  async top(): Promise<Locator> {
    const sheet = this.page.locator('dialog[open]');
    return (await sheet.count()) ? sheet.last() : this.page.locator('body');
  }

  say<I extends object>(words: Words<I>, inputs = {} as I): string {
    return words(inputs, { locale: this.language });
  }

  async press<I extends object>(words: Words<I>, inputs?: I): Promise<void> {
    const named = { name: this.say(words, inputs), exact: true };
    const top = await this.top();
    await top.getByRole('button', named).or(top.getByRole('radio', named)).first().click();
  }

  async fill(words: Words<object>, text: string): Promise<void> {
    await (await this.top()).getByLabel(this.say(words)).first().fill(text);
  }

  /** A row or card, by what it says. */
  async pick(text: string | RegExp): Promise<void> {
    await (await this.top()).getByRole('button').filter({ hasText: text }).first().click();
  }

  /** The end of what scrolls. */
  async toEnd(): Promise<void> {
    const place = this.page.locator('dialog[open] .ct, main').last();
    await place.evaluate((element) => element.scrollTo(0, element.scrollHeight));
  }

  /** Closes every sheet. */
  async clear(): Promise<void> {
    const sheets = this.page.locator('dialog[open]');
    for (let open = await sheets.count(); open > 0; open--) {
      await this.page.keyboard.press('Escape');
      await sheets
        .nth(open - 1)
        .waitFor({ state: 'detached' })
        .catch(() => undefined);
    }
  }

  async typePin(pin: string): Promise<void> {
    await this.page.keyboard.type(pin);
  }
}

export { m };
