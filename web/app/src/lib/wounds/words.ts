/** Words of wounds: places, origins, what is found. */
import { m } from '$messages';
import { formatNumber } from '$lib/format';
import type {
  Assessment,
  Exudate,
  ExudateType,
  InfectionSign,
  Laterality,
  Odour,
  PeriwoundSkin,
  Trend,
  Wound,
  WoundEdge,
  WoundOrigin,
} from '$lib/relais';
import type { Tissue } from './tissue';

type Words<T extends string> = Record<T, () => string>;
type Option<T> = { value: T; text: string };

const LATERALITIES: Words<Laterality> = {
  left: m.wound_left,
  midline: m.wound_midline,
  right: m.wound_right,
};
const ORIGINS: Words<WoundOrigin> = {
  pressure: m.origin_pressure,
  venous: m.origin_venous,
  arterial: m.origin_arterial,
  diabeticFoot: m.origin_diabetic,
  surgical: m.origin_surgical,
  trauma: m.origin_trauma,
  burn: m.origin_burn,
  other: m.origin_other,
};
const EXUDATES: Words<Exudate> = {
  none: m.exudate_none,
  low: m.exudate_low,
  moderate: m.exudate_moderate,
  high: m.exudate_high,
};
const EXUDATE_TYPES: Words<ExudateType> = {
  serous: m.exudate_serous,
  serosanguineous: m.exudate_serosanguineous,
  sanguineous: m.exudate_sanguineous,
  purulent: m.exudate_purulent,
};
const EDGES: Words<WoundEdge> = {
  attached: m.edge_attached,
  unattached: m.edge_unattached,
  rolled: m.edge_rolled,
  calloused: m.edge_calloused,
  macerated: m.edge_macerated,
  irregular: m.edge_irregular,
};
const SKINS: Words<PeriwoundSkin> = {
  intact: m.skin_intact,
  erythema: m.skin_erythema,
  maceration: m.skin_maceration,
  dry: m.skin_dry,
  eczema: m.skin_eczema,
  oedema: m.skin_oedema,
  induration: m.skin_induration,
  excoriation: m.skin_excoriation,
};
const ODOURS: Words<Odour> = { none: m.odour_none, slight: m.odour_slight, strong: m.odour_strong };
const SIGNS: Words<InfectionSign> = {
  increasingPain: m.sign_pain,
  erythema: m.sign_erythema,
  warmth: m.sign_warmth,
  swelling: m.sign_swelling,
  purulentExudate: m.sign_pus,
  malodour: m.sign_malodour,
  delayedHealing: m.sign_delay,
  friableGranulation: m.sign_friable,
  fever: m.sign_fever,
};
const TRENDS: Words<Trend> = { better: m.trend_better, same: m.trend_same, worse: m.trend_worse };
const TISSUE_NAMES: Words<Tissue> = {
  granulation: m.tissue_granulation,
  slough: m.tissue_slough,
  epithelium: m.tissue_epithelium,
  necrosis: m.tissue_necrosis,
};

function options<T extends string>(words: Words<T>): Option<T>[] {
  return (Object.entries(words) as [T, () => string][]).map(([value, text]) => ({ value, text: text() }));
}

export const lateralityOptions = () => options(LATERALITIES);
export const originOptions = () => options(ORIGINS);
export const exudateOptions = () => options(EXUDATES);
export const exudateTypeOptions = () => options(EXUDATE_TYPES);
export const edgeOptions = () => options(EDGES);
export const skinOptions = () => options(SKINS);
export const odourOptions = () => options(ODOURS);
export const signOptions = () => options(SIGNS);
export const trendOptions = () => options(TRENDS);

export const originName = (origin: WoundOrigin | null) => ORIGINS[origin ?? 'other']();
export const trendName = (trend: Trend) => TRENDS[trend]();
export const tissueName = (tissue: Tissue) => TISSUE_NAMES[tissue]();

/** "Talon, gauche"; the middle of the body needs no side. */
export function siteWords(words: string, laterality: Laterality | null): string {
  const side = laterality && laterality !== 'midline' ? LATERALITIES[laterality]() : '';
  return [words, words ? side : ''].filter(Boolean).join(', ');
}

export function woundName(wound: Wound): string {
  return siteWords(wound.site?.words ?? '', wound.site?.laterality ?? null) || originName(wound.origin);
}

/** "Guérie", "Suivi clos"; "Suivie". */
export function woundStatus({ status }: Wound): string {
  switch (status) {
    case 'healed':
      return m.wound_healed();
    case 'closed':
      return m.wound_closed();
    default:
      return m.wound_open();
  }
}

const cm = (mm: number) => formatNumber(mm / 10, 1);

/** "3,2 × 2,1 × 0,4"; what was not measured is left out. */
export function size({ lengthMm, widthMm, depthMm }: Assessment): string {
  return [lengthMm, widthMm, depthMm].flatMap((mm) => (mm === null ? [] : cm(mm))).join(' × ');
}

/** "3,2 × 2,1 × 0,4 cm". */
export function measures(found: Assessment): string {
  const text = size(found);
  return text && m.wound_cm({ size: text });
}

/** "5,3": an area in cm². */
export const areaCm = (mm2: number) => formatNumber(mm2 / 100, 1);

/** "+0,6", "−1,6": a change of area in cm², with its sign. */
export function changeCm(mm2: number): string {
  const text = areaCm(Math.abs(mm2));
  return mm2 > 0 ? `+${text}` : mm2 < 0 ? `−${text}` : text;
}

/** What was found beside the numbers, each with its name: for reading. */
export function findings(found: Assessment): { name: string; text: string }[] {
  const list = <T extends string>(words: Words<T>, values: T[]) =>
    values.map((value) => words[value]()).join(', ');
  const tissue = found.tissue;
  return [
    {
      name: m.assess_tissue(),
      text: tissue
        ? (Object.keys(TISSUE_NAMES) as Tissue[])
            .filter((one) => tissue[one] > 0)
            .map((one) => `${tissueName(one)} ${m.shot_percent({ percent: tissue[one] })}`)
            .join(', ')
        : '',
    },
    {
      name: m.assess_exudate(),
      text: [
        found.exudate ? EXUDATES[found.exudate]() : '',
        found.exudateType ? EXUDATE_TYPES[found.exudateType]() : '',
      ]
        .filter(Boolean)
        .join(', '),
    },
    { name: m.assess_edges(), text: list(EDGES, found.edges) },
    { name: m.assess_periwound(), text: list(SKINS, found.periwound) },
    {
      name: m.assess_undermining(),
      text: found.underminingMm === null ? '' : m.wound_cm({ size: cm(found.underminingMm) }),
    },
    {
      name: m.assess_tunnelling(),
      text: found.tunnellingMm === null ? '' : m.wound_cm({ size: cm(found.tunnellingMm) }),
    },
    { name: m.assess_odour(), text: found.odour ? ODOURS[found.odour]() : '' },
    { name: m.assess_pain(), text: found.pain === null ? '' : m.assess_pain_of({ pain: found.pain }) },
    { name: m.assess_infection(), text: list(SIGNS, found.infectionSigns) },
    { name: m.assess_dressing(), text: found.dressing },
    { name: m.assess_trend(), text: found.trend ? TRENDS[found.trend]() : '' },
  ].filter(({ text }) => text !== '');
}
