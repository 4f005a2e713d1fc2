/** Words for what an invitation is. */
import { m } from '$messages';
import { formatDuration } from './format';
import type { Invitation } from './relais';

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
