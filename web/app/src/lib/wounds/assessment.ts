/** An assessment while it is filled in: numbers as they are typed, then the record of the core. */
import { parseNumber } from '$lib/format';
import type {
  Assessment,
  Exudate,
  ExudateType,
  InfectionSign,
  Odour,
  PeriwoundSkin,
  TissueShares,
  Trend,
  WoundEdge,
} from '$lib/relais';
import { Kept } from '$lib/thread/draft.svelte';
import { NONE, sharesToSend, total } from './tissue';

export const SIZES = ['length', 'width', 'depth', 'undermining', 'tunnelling'] as const;
export type SizeName = (typeof SIZES)[number];

export interface AssessmentDraft {
  /** In cm, as typed. */
  length: string;
  width: string;
  depth: string;
  undermining: string;
  tunnelling: string;
  tissue: TissueShares;
  exudate: Exudate | null;
  exudateType: ExudateType | null;
  edges: WoundEdge[];
  periwound: PeriwoundSkin[];
  odour: Odour | null;
  pain: number | null;
  infectionSigns: InfectionSign[];
  dressing: string;
  trend: Trend | null;
}

export const EMPTY: AssessmentDraft = {
  length: '',
  width: '',
  depth: '',
  undermining: '',
  tunnelling: '',
  tissue: NONE,
  exudate: null,
  exudateType: null,
  edges: [],
  periwound: [],
  odour: null,
  pain: null,
  infectionSigns: [],
  dressing: '',
  trend: null,
};

/** The longest of the core, in mm. */
const MOST_MM = 1_000;

/** Millimetres of centimetres as typed: nothing for an empty field, undefined for what is no size. */
export function millimetres(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const value = parseNumber(text);
  if (value === null || value < 0 || value * 10 > MOST_MM) return undefined;
  return Math.round(value * 10);
}

/** Length by width in mm², where both are there. */
export function areaMm2(draft: AssessmentDraft): number | null {
  const [length, width] = [millimetres(draft.length), millimetres(draft.width)];
  return length == null || width == null ? null : length * width;
}

export interface Filled {
  found: Assessment | null;
  /** Sizes that are none. */
  wrong: SizeName[];
  tissueWrong: boolean;
  /** Nothing was noted. */
  nothing: boolean;
}

/** The record, once everything that was filled in holds. */
export function filled(draft: AssessmentDraft, photo: string | null): Filled {
  const sizes = Object.fromEntries(SIZES.map((name) => [name, millimetres(draft[name])]));
  const wrong = SIZES.filter((name) => sizes[name] === undefined);
  const tissue = sharesToSend(draft.tissue);
  const nothing = isEmpty(draft);
  if (wrong.length || tissue === undefined || nothing)
    return { found: null, wrong, tissueWrong: tissue === undefined, nothing };
  const found: Assessment = {
    photo,
    lengthMm: sizes.length ?? null,
    widthMm: sizes.width ?? null,
    depthMm: sizes.depth ?? null,
    areaMm2: null,
    areaSource: null,
    tissue,
    exudate: draft.exudate,
    exudateType: draft.exudate && draft.exudate !== 'none' ? draft.exudateType : null,
    edges: draft.edges,
    periwound: draft.periwound,
    underminingMm: sizes.undermining ?? null,
    tunnellingMm: sizes.tunnelling ?? null,
    odour: draft.odour,
    pain: draft.pain,
    infectionSigns: draft.infectionSigns,
    dressing: draft.dressing.trim(),
    trend: draft.trend,
  };
  return { found, wrong, tissueWrong: false, nothing };
}

export function isEmpty(draft: AssessmentDraft): boolean {
  const texts = [...SIZES.map((name) => draft[name]), draft.dressing];
  const lists = [draft.edges, draft.periwound, draft.infectionSigns];
  const choices = [draft.exudate, draft.odour, draft.pain, draft.trend];
  return (
    texts.every((text) => text.trim() === '') &&
    lists.every((list) => list.length === 0) &&
    choices.every((choice) => choice === null) &&
    total(draft.tissue) === 0
  );
}

export function assessmentDraft(wound: string): Kept<AssessmentDraft> {
  return new Kept(`draft.assessment.${wound}`, EMPTY, isEmpty);
}
