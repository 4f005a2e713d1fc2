/** Places of the body on the map: where they are drawn, how they are called, on which side. */
import { m } from '$messages';
import type { BodyPlace, BodyView, Laterality } from '$lib/relais';

interface Site {
  name: () => string;
  /** In the map's own units, on the patient's left half or the middle. */
  x: number;
  y: number;
  /** There is one on each side. */
  paired?: boolean;
}

/** The map is drawn in these units; places are kept per mille of them. */
export const MAP = { width: 200, height: 420 };

/** Seen from the front, the patient's left is on the right of the map. */
const FRONT: Site[] = [
  { name: m.site_face, x: 100, y: 34 },
  { name: m.site_neck, x: 100, y: 60 },
  { name: m.site_shoulder, x: 135, y: 80, paired: true },
  { name: m.site_chest, x: 100, y: 100 },
  { name: m.site_breast, x: 118, y: 106, paired: true },
  { name: m.site_abdomen, x: 100, y: 152 },
  { name: m.site_flank, x: 124, y: 148, paired: true },
  { name: m.site_upper_arm, x: 147, y: 112, paired: true },
  { name: m.site_forearm, x: 157, y: 172, paired: true },
  { name: m.site_hand, x: 163, y: 218, paired: true },
  { name: m.site_groin, x: 112, y: 200, paired: true },
  { name: m.site_thigh, x: 118, y: 244, paired: true },
  { name: m.site_knee, x: 118, y: 292, paired: true },
  { name: m.site_shin, x: 118, y: 335, paired: true },
  { name: m.site_ankle, x: 118, y: 372, paired: true },
  { name: m.site_foot, x: 121, y: 388, paired: true },
  { name: m.site_toes, x: 124, y: 398, paired: true },
];

/** Seen from the back, the patient's left is on the left of the map. */
const BACK: Site[] = [
  { name: m.site_occiput, x: 100, y: 30 },
  { name: m.site_nape, x: 100, y: 58 },
  { name: m.site_shoulder_blade, x: 80, y: 96, paired: true },
  { name: m.site_back, x: 100, y: 118 },
  { name: m.site_lower_back, x: 100, y: 158 },
  { name: m.site_elbow, x: 48, y: 146, paired: true },
  { name: m.site_forearm, x: 42, y: 178, paired: true },
  { name: m.site_hand, x: 37, y: 218, paired: true },
  { name: m.site_sacrum, x: 100, y: 186 },
  { name: m.site_trochanter, x: 66, y: 198, paired: true },
  { name: m.site_buttock, x: 84, y: 204, paired: true },
  { name: m.site_ischium, x: 86, y: 220, paired: true },
  { name: m.site_thigh_back, x: 82, y: 254, paired: true },
  { name: m.site_knee_back, x: 82, y: 292, paired: true },
  { name: m.site_calf, x: 82, y: 328, paired: true },
  { name: m.site_malleolus, x: 74, y: 370, paired: true },
  { name: m.site_heel, x: 81, y: 388, paired: true },
  { name: m.site_sole, x: 78, y: 400, paired: true },
];

export interface Proposal {
  words: string;
  laterality: Laterality | null;
  place: BodyPlace;
}

interface Sided {
  site: Site;
  x: number;
  laterality: Laterality;
}

function sidedSites(view: BodyView): Sided[] {
  return (view === 'front' ? FRONT : BACK).flatMap((site): Sided[] =>
    site.paired
      ? [
          { site, x: site.x, laterality: 'left' },
          { site, x: MAP.width - site.x, laterality: 'right' },
        ]
      : [{ site, x: site.x, laterality: 'midline' }],
  );
}

const place = (view: BodyView, x: number, y: number): BodyPlace => ({
  view,
  x: Math.round((1000 * Math.min(MAP.width, Math.max(0, x))) / MAP.width),
  y: Math.round((1000 * Math.min(MAP.height, Math.max(0, y))) / MAP.height),
});

/** How a place of the map is called: the nearest site, and its side. */
export function siteAt(at: BodyPlace): Proposal {
  const [x, y] = [(at.x * MAP.width) / 1000, (at.y * MAP.height) / 1000];
  const [nearest] = sidedSites(at.view).sort(
    (a, b) => Math.hypot(a.x - x, a.site.y - y) - Math.hypot(b.x - x, b.site.y - y),
  );
  return { words: nearest?.site.name() ?? '', laterality: nearest?.laterality ?? null, place: at };
}

/** Every site by name, for those who choose from a list. */
export function allSites(): Proposal[] {
  return (['back', 'front'] as const)
    .flatMap((view) =>
      sidedSites(view).map(({ site, x, laterality }) => ({
        words: site.name(),
        laterality,
        place: place(view, x, site.y),
      })),
    )
    .sort((a, b) => a.words.localeCompare(b.words));
}

/** A place of the map in its own units. */
export function placed({ x, y }: BodyPlace): { x: number; y: number } {
  return { x: (x * MAP.width) / 1000, y: (y * MAP.height) / 1000 };
}

export function placeAt(view: BodyView, x: number, y: number): BodyPlace {
  return place(view, x, y);
}
