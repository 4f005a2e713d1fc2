/** Pictures as the page shows them: bytes of the core as the address of an image. */
import { relais, type PhotoProgress } from '$lib/relais';

/** The address of a JPEG while the component is there. To be called while it is made. */
export function pictureUrl(bytes: () => Uint8Array | null | undefined): { readonly value: string | null } {
  let url: string | null = $state(null);
  $effect(() => {
    const given = bytes();
    if (!given?.length) return;
    const made = URL.createObjectURL(new Blob([given.slice()], { type: 'image/jpeg' }));
    url = made;
    return () => {
      url = null;
      URL.revokeObjectURL(made);
    };
  });
  return {
    get value() {
      return url;
    },
  };
}

/** How far the original of a photo is; nothing once it is here. To be called while a component is made. */
export function photoProgress(photo: () => string | null): { readonly value: PhotoProgress | null } {
  let progress: PhotoProgress | null = $state.raw(null);
  $effect(() => {
    const id = photo();
    progress = null;
    if (!id) return;
    const read = () =>
      relais.call('photoProgress', { photo: id }).then(
        (now) => (progress = now),
        () => undefined,
      );
    void read();
    return relais.onEvents((events) => {
      if (events.some((event) => event.type === 'photoChanged' && event.photo === id)) void read();
    });
  });
  return {
    get value() {
      return progress;
    },
  };
}

/** How much of a transfer is done, in per cent. */
export function percent({ done, total }: PhotoProgress): number {
  return total > 0 ? Math.min(100, Math.round((100 * done) / total)) : 0;
}
