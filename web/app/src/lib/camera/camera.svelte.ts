/** The camera inside the page: pictures never pass by the phone's gallery. */

export type CameraState = 'starting' | 'live' | 'denied' | 'absent';

/** The long side of a picture: the core keeps no more. */
const LONGEST = 2048;
const QUALITY = 0.92;

export class Camera {
  state: CameraState = $state('starting');
  #stream: MediaStream | null = null;
  #ended = false;

  /** Asks for the camera that looks away from the person, and shows it. */
  async start(video: HTMLVideoElement): Promise<void> {
    this.#ended = false;
    this.state = 'starting';
    this.#release();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: 'environment', width: { ideal: 2560 }, height: { ideal: 1920 } },
      });
      this.#stream = stream;
      if (this.#ended) return this.#release();
      // Flash falsifies the colour of a wound.
      const [track] = stream.getVideoTracks();
      await track
        ?.applyConstraints({ advanced: [{ torch: false } as MediaTrackConstraintSet] })
        .catch(() => {});
      track?.addEventListener('ended', () => (this.state = 'absent'));
      video.srcObject = stream;
      await video.play();
      this.state = 'live';
    } catch (error) {
      const denied =
        error instanceof DOMException && ['NotAllowedError', 'SecurityError'].includes(error.name);
      this.state = denied ? 'denied' : 'absent';
    }
  }

  stop(): void {
    this.#ended = true;
    this.#release();
  }

  /** What the view shows, and nothing beside it: a fresh picture without metadata. */
  shoot(video: HTMLVideoElement): OffscreenCanvas {
    const { clientWidth: width, clientHeight: height, videoWidth, videoHeight } = video;
    const cut = covered(videoWidth, videoHeight, width, height);
    const scale = Math.min(1, LONGEST / Math.max(cut.width, cut.height));
    const canvas = new OffscreenCanvas(Math.round(cut.width * scale), Math.round(cut.height * scale));
    const context = canvas.getContext('2d');
    context?.drawImage(video, cut.x, cut.y, cut.width, cut.height, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  #release(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
  }
}

/** The part of a picture that "object-fit: cover" shows in a box. */
export function covered(
  width: number,
  height: number,
  boxWidth: number,
  boxHeight: number,
): { x: number; y: number; width: number; height: number } {
  if (!boxWidth || !boxHeight) return { x: 0, y: 0, width, height };
  const scale = Math.max(boxWidth / width, boxHeight / height);
  const [w, h] = [boxWidth / scale, boxHeight / scale];
  return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
}

/** The pixels as a JPEG. */
export async function jpegOf(canvas: OffscreenCanvas): Promise<Uint8Array> {
  const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
  return new Uint8Array(await blob.arrayBuffer());
}
