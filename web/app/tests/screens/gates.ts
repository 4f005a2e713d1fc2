/** What stands before the app: each step goes on from the one before, or begins on a new phone. */
import type { Browser } from '@playwright/test';
import { PIN } from '../e2e/world/device.ts';
import { Phone } from '../practice/phone.ts';
import type { Practice } from '../practice/practice.ts';
import { m, Stage, type Language } from './stage.ts';

const WEAK = '111111';
const WRONG = '503816';
const DONE_MS = 60_000;

export interface Gate {
  name: string;
  /** The path that a new phone opens; without it the phone stays as it is. */
  fresh?: (links: Practice['links'], language: Language) => string;
  /** Before anything of the page runs. */
  without?: 'locks';
  show?: (stage: Stage) => Promise<void>;
}

const pin = (stage: Stage) => stage.page.locator('.keys, [role=group]').first().waitFor();

/** The app starts on what it shows while it starts; its own screen comes after. */
const offers = (stage: Stage, words: typeof m.begin) =>
  stage.page.getByRole('button', { name: stage.say(words), exact: true }).waitFor({ timeout: DONE_MS });

export const GATES: readonly Gate[] = [
  { name: 'gate-unsupported', fresh: () => '/', without: 'locks' },
  { name: 'gate-set-up', fresh: ({ setUp }) => setUp, show: (stage) => offers(stage, m.begin) },
  { name: 'gate-card', show: (stage) => stage.press(m.begin) },
  { name: 'gate-welcome', fresh: () => '/', show: (stage) => offers(stage, m.scan_invitation) },
  { name: 'gate-scan', show: (stage) => stage.press(m.scan_invitation) },
  {
    name: 'gate-paste',
    show: async (stage) => {
      await stage.clear();
      await stage.press(m.paste_link);
    },
  },
  {
    name: 'gate-paste-wrong',
    show: async (stage) => {
      await stage.fill(m.paste_label, 'https://relais.example/join');
      await stage.press(m.go_on);
    },
  },
  {
    name: 'gate-be-scanned',
    show: async (stage) => {
      await stage.clear();
      await stage.press(m.link_this_device);
      for (let time = 0; time < 2; time++) {
        await pin(stage);
        await stage.typePin(PIN);
        if (time === 0) await stage.page.getByText(stage.say(m.pin_again), { exact: true }).waitFor();
      }
      await stage.page.getByText(stage.say(m.be_scanned)).waitFor({ timeout: DONE_MS });
    },
  },
  {
    name: 'gate-invited',
    fresh: (links, language) => links[language],
    show: (stage) => offers(stage, m.begin),
  },
  {
    name: 'gate-pin',
    show: async (stage) => {
      await stage.press(m.begin);
      await pin(stage);
    },
  },
  {
    name: 'gate-pin-weak',
    show: async (stage) => {
      await stage.typePin(WEAK);
      await stage.page.getByText(stage.say(m.pin_weak)).waitFor();
    },
  },
  {
    name: 'gate-pin-again',
    show: async (stage) => {
      await stage.typePin(PIN);
      await stage.page.getByText(stage.say(m.pin_again), { exact: true }).waitFor();
      await stage.typePin(PIN.slice(0, 3));
    },
  },
  {
    name: 'gate-finish',
    show: async (stage) => {
      await stage.typePin(PIN.slice(3));
      await stage.page.getByText(stage.say(m.finish_go)).waitFor({ timeout: DONE_MS });
    },
  },
  {
    name: 'empty-inbox',
    show: async (stage) => {
      await stage.press(m.finish_go);
      await stage.page.locator('nav a').first().waitFor();
    },
  },
  { name: 'empty-threads', show: (stage) => stage.phone.visit('/threads') },
  { name: 'empty-tasks', show: (stage) => stage.phone.visit('/tasks') },
  {
    name: 'lock',
    show: async (stage) => {
      await stage.page.reload();
      await stage.page.locator('.lock').waitFor({ timeout: DONE_MS });
      await stage.typePin(PIN.slice(0, 4));
    },
  },
  {
    name: 'lock-wrong',
    show: async (stage) => {
      for (let key = 0; key < 4; key++) await stage.page.keyboard.press('Backspace');
      await stage.typePin(WRONG);
      await stage.page.getByText(stage.say(m.lock_tries_left, { count: 9 })).waitFor({ timeout: DONE_MS });
    },
  },
  { name: 'lock-forgotten', show: (stage) => stage.press(m.lock_forgotten) },
  {
    name: 'gate-elsewhere',
    show: async (stage) => {
      await stage.clear();
      await stage.phone.unlock();
      await stage.phone.open();
      await stage.page.getByText(stage.say(m.elsewhere_title)).waitFor({ timeout: DONE_MS });
    },
  },
];

/**
 * Goes through all of it, and stops at each; gives those that could not be shown. What comes
 * after one of them waits for the next new phone.
 */
export async function walkGates(
  browser: Browser,
  { links, ids }: Practice,
  language: Language,
  at: (stage: Stage, gate: Gate) => Promise<void>,
): Promise<string[]> {
  const failed: string[] = [];
  let stage: Stage | null = null;
  let stuck: string | null = null;
  const url = new URL(links.setUp).origin;
  for (const gate of GATES) {
    if (stuck && !gate.fresh) {
      failed.push(`${gate.name} (${language}): comes after ${stuck}`);
      continue;
    }
    try {
      if (gate.fresh) {
        stuck = null;
        await stage?.phone.context.close();
        const phone = await Phone.make(browser, url);
        stage = new Stage(phone, language, ids);
        if (gate.without)
          await phone.context.addInitScript(() =>
            Object.defineProperty(navigator, 'locks', { value: undefined }),
          );
        await phone.context.addInitScript((to) => localStorage.setItem('relais.language', to), language);
        await phone.open(gate.fresh(links, language));
      }
      if (!stage) throw new Error('the first gate opens a phone');
      await gate.show?.(stage);
      await stage.phone.settled();
      await at(stage, gate);
    } catch (error) {
      stuck = gate.name;
      failed.push(`${gate.name} (${language}): ${String(error)}`);
    }
  }
  await stage?.phone.context.close();
  return failed;
}
