/** Drawn pictures of wounds: nobody's skin. */
import type { Browser } from '@playwright/test';

export interface WoundLook {
  lengthMm: number;
  widthMm: number;
  /** Shares of the wound's bed, together at most 1; the rest granulates. */
  slough: number;
  necrosis: number;
  seed: number;
  /** Pixels of the long side. */
  size?: number;
}

/** A JPEG of a wound beside a ruler in millimetres. */
export async function drawWound(browser: Browser, look: WoundLook): Promise<Uint8Array> {
  const page = await browser.newPage();
  try {
    const base64 = await page.evaluate(draw, look);
    return Uint8Array.from(Buffer.from(base64, 'base64'));
  } finally {
    await page.context().close();
  }
}

/** Runs in the page. */
function draw({ lengthMm, widthMm, slough, necrosis, seed, size = 1280 }: WoundLook): string {
  const canvas = document.createElement('canvas');
  canvas.width = size;
  canvas.height = Math.round(size * 0.75);
  const c = canvas.getContext('2d')!;
  let state = seed * 2654435761;
  const random = () => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const { width, height } = canvas;
  const mm = width / 110;
  const skin = c.createRadialGradient(width * 0.45, height * 0.4, 0, width / 2, height / 2, width * 0.75);
  skin.addColorStop(0, '#e9bda4');
  skin.addColorStop(0.6, '#d9a287');
  skin.addColorStop(1, '#b07a62');
  c.fillStyle = skin;
  c.fillRect(0, 0, width, height);
  for (let i = 0; i < 9000; i++) {
    c.fillStyle = random() < 0.5 ? 'rgba(120,60,40,.05)' : 'rgba(255,235,220,.06)';
    c.fillRect(random() * width, random() * height, 1 + random() * 3, 1 + random() * 3);
  }
  const wobble = Array.from({ length: 14 }, () => 0.88 + random() * 0.24);
  const outline = (scale: number, x: number, y: number, a: number, b: number) => {
    const points = wobble.map((factor, index) => {
      const angle = (index / wobble.length) * 2 * Math.PI;
      return [x + Math.cos(angle) * a * scale * factor, y + Math.sin(angle) * b * scale * factor] as const;
    });
    c.beginPath();
    points.forEach((point, index) => {
      const next = points[(index + 1) % points.length]!;
      const middle = [(point[0] + next[0]) / 2, (point[1] + next[1]) / 2] as const;
      if (index === 0) c.moveTo(middle[0], middle[1]);
      const after = points[(index + 2) % points.length]!;
      c.quadraticCurveTo(next[0], next[1], (next[0] + after[0]) / 2, (next[1] + after[1]) / 2);
    });
    c.closePath();
  };
  const x = width * 0.48;
  const y = height * 0.45;
  const a = (lengthMm / 2) * mm;
  const b = (widthMm / 2) * mm;
  c.save();
  c.filter = `blur(${mm * 3}px)`;
  c.fillStyle = 'rgba(176,58,48,.45)';
  outline(1.25, x, y, a, b);
  c.fill();
  c.filter = `blur(${mm * 0.5}px)`;
  c.fillStyle = '#7d2626';
  outline(1.03, x, y, a, b);
  c.fill();
  c.restore();
  outline(1, x, y, a, b);
  c.save();
  c.clip();
  c.fillStyle = '#a8352f';
  c.fillRect(0, 0, width, height);
  for (let i = 0; i < 1500; i++) {
    c.fillStyle = ['rgba(205,80,70,.35)', 'rgba(120,25,28,.3)', 'rgba(225,120,105,.22)'][i % 3]!;
    c.beginPath();
    c.arc(x + (random() - 0.5) * 2.2 * a, y + (random() - 0.5) * 2.2 * b, 2 + random() * mm, 0, 7);
    c.fill();
  }
  const patch = (share: number, colours: string[], dx: number, dy: number) => {
    c.save();
    c.filter = `blur(${mm * 0.6}px)`;
    colours.forEach((colour, index) => {
      c.fillStyle = colour;
      outline(Math.sqrt(share) * (1 - index * 0.25), x + dx * a, y + dy * b, a, b);
      c.fill();
    });
    c.restore();
  };
  if (slough) patch(slough, ['#d9b866', '#e8d08c'], 0.25, 0.2);
  if (necrosis) patch(necrosis, ['#3a2621', '#1f1513'], -0.35, -0.2);
  c.restore();
  c.fillStyle = '#f7f5ef';
  c.fillRect(width * 0.06, height * 0.84, 90 * mm, 9 * mm);
  c.fillStyle = '#222';
  c.font = `${3 * mm}px sans-serif`;
  for (let i = 0; i <= 85; i++) {
    c.fillRect(width * 0.06 + (i + 2) * mm, height * 0.84, mm * 0.15, (i % 10 ? 2 : 4) * mm);
    if (i % 10 === 0) c.fillText(String(i / 10), width * 0.06 + (i + 2.6) * mm, height * 0.84 + 7 * mm);
  }
  return canvas.toDataURL('image/jpeg', 0.88).split(',')[1]!;
}
