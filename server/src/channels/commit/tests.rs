//! What a commit depends on while it waits to be written.

use ed25519_dalek::SigningKey;
use relais_wire::ids::StructureId;
use relais_wire::mls::{CommitChange, Leaf};
use relais_wire::roster::{Member, sign_roster};
use relais_wire::v1::ChannelRole;

use super::*;

/// Members by number, with the ends of their memberships, beside a manager.
fn roster(members: &[(u8, Option<u64>)], prior: Option<&CheckedRoster>) -> CheckedRoster {
    let member = |(who, end): &(u8, Option<u64>)| {
        let member = Member {
            role: ChannelRole::Contributor,
            expires_at_ms: *end,
        };
        (ProfessionalId([*who; 16]), member)
    };
    let manager = Member {
        role: ChannelRole::Manager,
        expires_at_ms: None,
    };
    let manager = (ProfessionalId([0; 16]), manager);
    let members = members.iter().map(member).chain([manager]).collect();
    let (device, key) = (DeviceId([1; 16]), SigningKey::from_bytes(&[1; 32]));
    let signed = sign_roster(ChannelId([9; 16]), prior, &members, 0, device, &key);
    CheckedRoster::read(&signed).expect("a roster")
}

fn leaf(who: u8) -> Leaf {
    Leaf {
        index: Some(who.into()),
        structure: StructureId([0; 16]),
        professional: ProfessionalId([who; 16]),
        device: DeviceId([who; 16]),
        key: [who; 32],
    }
}

fn by(committer: u8, added: &[u8]) -> CommitChange {
    CommitChange {
        committer: leaf(committer),
        external: false,
        before: Vec::new(),
        added: added.iter().copied().map(leaf).collect(),
        removed: Vec::new(),
        roster: None,
    }
}

#[test]
fn a_commit_holds_until_the_first_end_that_it_depends_on() {
    let prior = roster(&[(1, Some(500)), (2, None), (3, Some(100))], None);
    // The end of somebody who has no part in it does not matter.
    assert_eq!(valid_until(&prior, &by(2, &[]), &prior), None);
    assert_eq!(valid_until(&prior, &by(1, &[]), &prior), Some(500));
    // A device of a member comes in.
    assert_eq!(valid_until(&prior, &by(1, &[3]), &prior), Some(100));
    // Memberships that it gives and changes.
    let next = [
        (1, Some(500)),
        (2, Some(400)),
        (3, Some(100)),
        (4, Some(300)),
    ];
    let next = roster(&next, Some(&prior));
    assert_eq!(valid_until(&prior, &by(2, &[]), &next), Some(300));
    let next = roster(
        &[(1, Some(500)), (2, Some(400)), (3, Some(100))],
        Some(&prior),
    );
    assert_eq!(valid_until(&prior, &by(2, &[]), &next), Some(400));
}
