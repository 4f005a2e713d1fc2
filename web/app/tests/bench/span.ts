/** How long a person waits: from their last touch to what it shows, painted. */
import type { BrowserContext, Page } from '@playwright/test';

export interface Seen {
  selector: string;
  text?: string;
  /** From the start of the page's load instead of a touch. */
  sinceLoad?: boolean;
}

/** Runs in the page. */
function watch({ selector, text, sinceLoad }: Seen): void {
  let began = sinceLoad ? 0 : Number.NaN;
  const note = (event: Event) => (began = event.timeStamp);
  if (!sinceLoad)
    for (const type of ['pointerdown', 'keydown']) addEventListener(type, note, { capture: true });
  const shown = (element: Element) =>
    element.checkVisibility() && (!text || element.textContent?.includes(text));
  const spanned = new Promise<number>((done) => {
    const look = () => {
      if (Number.isNaN(began) || ![...document.querySelectorAll(selector)].some(shown)) return;
      observer.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
    };
    const observer = new MutationObserver(look);
    observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  Object.assign(window, { spanned });
}

declare const spanned: Promise<number>;

/** Milliseconds from an act's last touch until something is seen. */
export async function span(page: Page, seen: Seen, act: () => Promise<void>): Promise<number> {
  await page.evaluate(watch, seen);
  await act();
  return page.evaluate(() => spanned);
}

/** Milliseconds from the beginning of a load until something is seen. */
export async function loadSpan(
  context: BrowserContext,
  url: string,
  seen: Seen,
): Promise<{ page: Page; ms: number }> {
  const page = await context.newPage();
  await page.addInitScript(watch, { ...seen, sinceLoad: true });
  await page.goto(url, { waitUntil: 'commit' });
  return { page, ms: await page.evaluate(() => spanned) };
}
