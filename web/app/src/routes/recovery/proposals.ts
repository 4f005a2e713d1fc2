import { m } from '$messages';
import type { ProposalState } from '$lib/relais';

/** What became of a proposal of a new root key, in words. */
export function proposalState(state: ProposalState): string {
  switch (state) {
    case 'open':
      return m.proposal_open();
    case 'done':
      return m.proposal_done();
    case 'overtaken':
      return m.proposal_overtaken();
    case 'coordinatorsChanged':
      return m.proposal_coordinators_changed();
    case 'lapsed':
      return m.proposal_lapsed();
  }
}
