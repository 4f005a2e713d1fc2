/** What the camera of a browser sees. */
import type { Page } from '@playwright/test';

/** Noise: a picture that does not become small. */
export async function noisyCamera(page: Page): Promise<void> {
  await page.evaluate(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1536, 2048];
    const context = canvas.getContext('2d')!;
    const image = context.createImageData(canvas.width, canvas.height);
    let state = 1;
    for (let at = 0; at < image.data.length; at++) {
      state = (state * 1664525 + 1013904223) >>> 0;
      image.data[at] = at % 4 === 3 ? 255 : state >>> 24;
    }
    context.putImageData(image, 0, 0);
    // A canvas gives a picture when it changes.
    setInterval(() => context.fillRect(0, 0, 1, 1), 100);
    navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(10);
  });
}
