/** Words for what an invitation is. */
import { m } from '$messages';
import { formatDuration } from './format';
import { relais, RelaisError, type Card, type Invitation } from './relais';

export type InvitationState = 'pending' | 'open' | 'used' | 'withdrawn' | 'expired';

export function invitationState(invitation: Invitation, now = Date.now()): InvitationState {
  if (invitation.used) return 'used';
  if (invitation.withdrawn) return 'withdrawn';
  if (invitation.expiresAtMs <= now) return 'expired';
  return invitation.pending ? 'pending' : 'open';
}

export function invitationText(invitation: Invitation, now = Date.now()): string {
  switch (invitationState(invitation, now)) {
    case 'pending':
      return m.invitation_pending();
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
      return (await relais.call('invite', { card })).person;
    } catch (error) {
      const waits = error instanceof RelaisError && error.code === 'not_yet' && time < PATIENCE.times;
      if (!waits) throw error;
      await new Promise((done) => setTimeout(done, PATIENCE.pauseMs));
    }
  }
}
