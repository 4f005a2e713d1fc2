/** What can be measured on any screen. Each function runs in the page and gives what breaks its rule. */

/** Boxes that are touched, each within what is seen of it. */
export function smallOrCloseTargets(): string[] {
  const [LEAST, APART, SLACK] = [48, 8, 0.5];
  const found: string[] = [];
  const dialogs = document.querySelectorAll('dialog[open]');
  const top = dialogs[dialogs.length - 1] ?? document.body;
  const selector =
    'button, a[href], input, select, textarea, summary, [role=button], [role=radio], [role=slider]';
  const named = (element: Element) =>
    `${element.tagName.toLowerCase()} "${(element.getAttribute('aria-label') ?? element.textContent ?? '').trim().slice(0, 40)}"`;
  /** The label of a tick or round button is touched in its place. */
  const touched = (element: Element) =>
    element.matches('input[type=radio], input[type=checkbox]')
      ? (element.closest('label') ?? element)
      : element;
  const whole = (element: Element) => {
    const box = element.getBoundingClientRect();
    for (let up = element.parentElement; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.overflowX === 'visible' && style.overflowY === 'visible') continue;
      const frame = up.getBoundingClientRect();
      const out = [
        frame.left - box.left,
        frame.top - box.top,
        box.right - frame.right,
        box.bottom - frame.bottom,
      ];
      if (out.some((by) => by > 1)) return null;
    }
    const seen =
      box.top >= 0 && box.bottom <= innerHeight + 1 && box.left >= 0 && box.right <= innerWidth + 1;
    return seen ? box : null;
  };
  const targets = [...new Set([...top.querySelectorAll(selector)].map(touched))].filter(
    (element) =>
      element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) &&
      !element.closest('.sr-only, [inert], [aria-hidden=true]'),
  );
  /** What scrolls under something else comes near it for a moment. */
  const layer = (element: Element) => {
    for (let up = element.parentElement; up; up = up.parentElement)
      if (/auto|scroll/.test(getComputedStyle(up).overflowY)) return up;
    return null;
  };
  const boxes: { element: Element; box: DOMRect; layer: Element | null }[] = [];
  for (const element of targets) {
    const size = element.getBoundingClientRect();
    if (size.width < LEAST - SLACK || size.height < LEAST - SLACK)
      found.push(`${named(element)} is ${Math.round(size.width)} × ${Math.round(size.height)}`);
    const box = whole(element);
    if (box) boxes.push({ element, box, layer: layer(element) });
  }
  for (const [index, one] of boxes.entries())
    for (const other of boxes.slice(index + 1)) {
      if (one.layer !== other.layer) continue;
      if (one.element.contains(other.element) || other.element.contains(one.element)) continue;
      const across = Math.max(one.box.left, other.box.left) - Math.min(one.box.right, other.box.right);
      const down = Math.max(one.box.top, other.box.top) - Math.min(one.box.bottom, other.box.bottom);
      const apart = Math.max(across, down);
      if (apart < APART - SLACK)
        found.push(`${named(one.element)} and ${named(other.element)} are ${Math.round(apart)} px apart`);
    }
  return found;
}

/** Text that is cut, runs out of its box or of the screen. */
export function cutText(): string[] {
  const found: string[] = [];
  const dialogs = document.querySelectorAll('dialog[open]');
  const top = dialogs[dialogs.length - 1] ?? document.body;
  const wide = document.scrollingElement!.scrollWidth - innerWidth;
  if (wide > 1) found.push(`the page is ${wide} px too wide`);
  const words = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  for (let node = words.nextNode(); node; node = words.nextNode()) {
    const element = node.parentElement!;
    const text = node.textContent!.trim();
    if (!text || element.closest('.sr-only, script, style, option, svg')) continue;
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    let scrolled = false;
    let strip = false;
    for (let up: HTMLElement | null = element; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      // Lines that are left out on purpose end in an ellipsis.
      if (style.webkitLineClamp !== 'none') break;
      const frame = up.getBoundingClientRect();
      const clips = style.overflowX !== 'visible';
      const scrolls = style.overflowX === 'auto' || style.overflowX === 'scroll';
      // A strip that is meant to be pushed sideways does not scroll downwards.
      strip ||= scrolls && style.overflowY === 'hidden';
      if (strip) break;
      const holds = clips || up.matches('button, a, label, td, th');
      if (holds && (box.right > frame.right + 1 || box.left < frame.left - 1)) {
        found.push(`"${text.slice(0, 40)}" runs out of ${up.tagName.toLowerCase()}.${up.className}`);
        break;
      }
      if (up.matches('button, a[href], .btn') && (box.bottom > frame.bottom + 1 || box.top < frame.top - 1)) {
        found.push(`"${text.slice(0, 40)}" is higher than ${up.tagName.toLowerCase()}.${up.className}`);
        break;
      }
      scrolled ||= style.overflowY === 'auto' || style.overflowY === 'scroll';
      if (!scrolled && clips && style.overflowY === 'hidden' && box.bottom > frame.bottom + 1) {
        found.push(`"${text.slice(0, 40)}" is cut by ${up.tagName.toLowerCase()}.${up.className}`);
        break;
      }
      // It is above all others, and none of them cuts it.
      if (up.matches('dialog[open]')) break;
    }
    if (!strip && box.width && (box.right > innerWidth + 1 || box.left < -1))
      found.push(`"${text.slice(0, 40)}" runs out of the screen`);
  }
  return [...new Set(found)];
}

/** Language, one first heading, one main part. */
export function badOutline(language: string): string[] {
  const found: string[] = [];
  const seen = (selector: string) =>
    [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility());
  if (document.documentElement.lang !== language) found.push(`lang is ${document.documentElement.lang}`);
  if (seen('h1').length !== 1) found.push(`${seen('h1').length} h1`);
  if (seen('main').length !== 1) found.push(`${seen('main').length} main`);
  for (const heading of seen('h1')) if (!heading.textContent?.trim()) found.push('an empty h1');
  return found;
}

/** Fields with small letters make a phone zoom in; the page itself must let people zoom. */
export function hardToRead(): string[] {
  const found: string[] = [];
  for (const field of document.querySelectorAll('input:not([type=range]), select, textarea')) {
    if (!field.checkVisibility()) continue;
    const size = parseFloat(getComputedStyle(field).fontSize);
    if (size < 16) found.push(`${field.tagName.toLowerCase()} "${field.id}" has letters of ${size} px`);
  }
  const viewport = document.querySelector<HTMLMetaElement>('meta[name=viewport]')?.content ?? '';
  if (/user-scalable|maximum-scale/.test(viewport)) found.push('zoom is forbidden');
  const moving = document.getAnimations().filter((animation) => {
    const timing = animation.effect?.getComputedTiming();
    return timing && timing.endTime !== Infinity && Number(timing.duration) > 1;
  });
  if (moving.length) found.push(`${moving.length} movements although they are not wanted`);
  return found;
}

/** What has a colour with a meaning says it with words or a shape as well. */
export function colourAlone(): string[] {
  const found: string[] = [];
  const probe = document.body.appendChild(document.createElement('i'));
  const colours = new Map<string, string>();
  for (const tone of ['urgent', 'due', 'taken', 'done'])
    for (const kind of ['', '-soft', '-ink']) {
      probe.style.color = `var(--${tone}${kind})`;
      colours.set(getComputedStyle(probe).color, tone);
    }
  probe.remove();
  for (const element of document.querySelectorAll<HTMLElement>('#app *, dialog[open] *')) {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const { backgroundColor, color } = getComputedStyle(element);
    const own = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    const said = own
      .map((node) => node.textContent)
      .join('')
      .trim();
    const words = /\p{L}{2,}/u;
    const place = `${element.tagName.toLowerCase()}.${element.className}`;
    const filled = colours.get(backgroundColor);
    if (filled && !element.querySelector('svg, img') && !element.textContent?.trim())
      found.push(`${place} is ${filled}, and nothing else`);
    // A number or a date in such a colour has its meaning in words beside it.
    const tone = said && !(element instanceof SVGElement) ? colours.get(color) : undefined;
    if (tone && !words.test(element.parentElement?.textContent ?? ''))
      found.push(`"${said}" is ${tone}, and nothing else`);
  }
  return [...new Set(found)];
}

/** The filled button is what one does next: it is in reach of the thumb. */
export function highActs(): string[] {
  const dialogs = document.querySelectorAll('dialog[open]');
  const top = dialogs[dialogs.length - 1] ?? document.body;
  return [...top.querySelectorAll('.dock .btn.primary, .dock .btn.danger, .comp .send, footer .btn.primary')]
    .filter((button) => button.checkVisibility())
    .filter((button) => {
      const { top: from, height } = button.getBoundingClientRect();
      return from + height / 2 < innerHeight / 2;
    })
    .map((button) => `"${button.textContent?.trim()}" is in the upper half`);
}

/** What must not be missed by a thumb. */
export function smallChiefActs(): string[] {
  const chief = '.btn.xl, .send, .cam, .shutter, .keys button';
  return [...document.querySelectorAll(chief)]
    .filter((button) => button.checkVisibility({ visibilityProperty: true }))
    .filter((button) => button.getBoundingClientRect().height < 55.5)
    .map((button) => `"${button.getAttribute('aria-label') ?? button.textContent?.trim()}" is under 56 px`);
}

/** Every text 40 % longer, as another language may be; gives back how it was. */
export function lengthen(): void {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode())
    if (node.textContent!.trim() && !node.parentElement!.closest('script, style, option, textarea, svg, pre'))
      texts.push(node as Text);
  const before = texts.map((text) => text.data);
  for (const text of texts) {
    // A digit, a time or a name's initials do not grow with the language.
    const letters = text.data.replace(/[^\p{L}]/gu, '').length;
    if (letters < 4) continue;
    const more = Math.ceil(letters * 0.4);
    text.data =
      text.data.trimEnd() +
      ' ' +
      'étendu àla '
        .repeat(Math.ceil(more / 10))
        .slice(0, more)
        .trim();
  }
  Object.assign(window, {
    shorten: () => texts.forEach((text, index) => (text.data = before[index]!)),
  });
}

export function shorten(): void {
  (window as unknown as { shorten: () => void }).shorten();
}
