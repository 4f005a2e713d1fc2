/**
 * What the app must know before the database opens: theme and language. They stay in the
 * browser's own storage, where nothing else of the app is kept.
 */
import { overwriteGetLocale, type Locale } from '../paraglide/runtime.js';

export type Theme = 'system' | 'light' | 'dark';

function kept(name: string): string | null {
  try {
    return localStorage.getItem(`relais.${name}`);
  } catch {
    return null;
  }
}

function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`relais.${name}`);
    else localStorage.setItem(`relais.${name}`, value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

const root = document.documentElement;
const theme = root.dataset.theme;

class Prefs {
  #language: Locale = $state(root.lang === 'en' ? 'en' : 'fr');
  #theme: Theme = $state(theme === 'light' || theme === 'dark' ? theme : 'system');

  /** The language of every text. */
  get language(): Locale {
    return this.#language;
  }

  set language(language: Locale) {
    this.#language = language;
    root.lang = language;
    keep('language', language);
  }

  get theme(): Theme {
    return this.#theme;
  }

  set theme(theme: Theme) {
    this.#theme = theme;
    if (theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme;
    keep('theme', theme === 'system' ? null : theme);
    colourFrame();
  }
}

/** The colour of the system's frame around the app follows the theme that was chosen. */
function colourFrame(): void {
  const background = getComputedStyle(root).getPropertyValue('--bg').trim();
  for (const tag of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    if (prefs.theme === 'system') tag.content = tag.media.includes('dark') ? '#0c1317' : '#f2f5f6';
    else tag.content = background;
  }
}

export const prefs = new Prefs();
if (kept('theme')) colourFrame();
overwriteGetLocale(() => prefs.language);
