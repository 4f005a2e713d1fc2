/** Words for what an invitation is. */
import { m } from '$messages';
import { formatDuration } from './format';
import { relais, RelaisError, type Card, type Invitation } from './relais';

export type InvitationState = 'open' | 'used' | 'withdrawn' | 'expired';

export function invitationState(invitation: Invitation, now = Date.now()): InvitationState {
  if (invitation.used) return 'used';
  if (invitation.withdrawn) return 'withdrawn';
  return invitation.expiresAtMs > now ? 'open' : 'expired';
}

export function invitationText(invitation: Invitation, now = Date.now()): string {
  switch (invitationState(invitation, now)) {
    case 'open':
      return m.invitation_open({ time: formatDuration(invitation.expiresAtMs - now) });
    case 'used':
      return m.invitation_used();
    case 'withdrawn':
      return m.invitation_withdrawn();
    case 'expired':
      return m.invitation_expired();
  }
}

/** A practice that was set up a moment ago comes back from the server first. */
const PATIENCE = { times: 20, pauseMs: 500 };

/** Invites a person, and gives their id. Throws a `RelaisError`. */
export async function invite(card: Card): Promise<string> {
  for (let time = 1; ; time++) {
    try {
      const { person } = await relais.call('invite', { card });
      await keepInvited(person, card);
      return person;
    } catch (error) {
      const waits = error instanceof RelaisError && error.code === 'not_yet' && time < PATIENCE.times;
      if (!waits) throw error;
      await new Promise((done) => setTimeout(done, PATIENCE.pauseMs));
    }
  }
}

const setting = (person: string) => `invited.${person}`;

/** The card that an invitation was made with: the practice learns it from the person alone. */
async function keepInvited(person: string, card: Card): Promise<void> {
  await relais.call('setSetting', { name: setting(person), value: JSON.stringify(card) });
}

/** The invitations of this device, and whom each is for. */
export async function namedInvitations(): Promise<(Invitation & { card: Card | null })[]> {
  const all = await relais.call('invitations', {});
  return Promise.all(
    all.map(async (invitation) => {
      const kept = await relais.call('setting', { name: setting(invitation.person) });
      return { ...invitation, card: kept ? (JSON.parse(kept) as Card) : null };
    }),
  );
}
