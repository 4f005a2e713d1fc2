//! Commits and key packages as server, member and author read them.

use super::*;

#[test]
fn a_commit_says_who_comes_who_goes_and_what_the_circle_is() {
    for suite in suites() {
        let mut room = Room::new(suite);
        let coordinator = leaf(Some(0), COORDINATOR, COORDINATOR_PHONE);
        let before = vec![coordinator.clone(), leaf(Some(1), NURSE, NURSE_PHONE)];
        let doctor = Phone::new(DOCTOR, DOCTOR_PHONE).key_package(suite);
        let bundle = room.coordinator.commit(&mut room.group, |b| {
            b.propose_adds([doctor])
                .propose_group_context_extensions(group_extensions(&roster(2)))
                .expect("extensions")
        });
        let change = CommitChange {
            committer: coordinator.clone(),
            external: false,
            before: before.clone(),
            added: vec![leaf(None, DOCTOR, DOCTOR_PHONE)],
            removed: vec![],
            roster: Some(roster(2)),
        };
        assert_eq!(room.read(bundle.commit()), Ok(change));

        let mut room = Room::new(suite);
        let nurse = [LeafNodeIndex::new(1)];
        let removal = room
            .coordinator
            .commit(&mut room.group, |b| b.propose_removals(nurse));
        let change = CommitChange {
            committer: coordinator.clone(),
            external: false,
            before: before.clone(),
            added: vec![],
            removed: vec![leaf(Some(1), NURSE, NURSE_PHONE)],
            roster: None,
        };
        assert_eq!(room.read(removal.commit()), Ok(change));

        let mut room = Room::new(suite);
        let renewal = room
            .coordinator
            .commit(&mut room.group, |b| b.force_self_update(true));
        let change = CommitChange {
            committer: coordinator,
            external: false,
            before,
            added: vec![],
            removed: vec![],
            roster: None,
        };
        assert_eq!(room.read(renewal.commit()), Ok(change));
    }
}

#[test]
fn a_commit_that_takes_the_roster_away_is_refused() {
    for suite in suites() {
        let mut room = Room::new(suite);
        let bare = group_extensions(&roster(2))
            .iter()
            .take(1)
            .cloned()
            .collect();
        let bundle = room.coordinator.commit(&mut room.group, |b| {
            b.propose_group_context_extensions(Extensions::from_vec(bare).expect("a list"))
                .expect("extensions")
        });
        let refused = room.read(bundle.commit());
        assert_eq!(refused, Err(MlsFormatError::GroupContext));
    }
}

#[test]
fn a_commit_with_a_kind_of_proposal_that_relais_does_not_use_is_refused() {
    for suite in suites() {
        let mut room = Room::new(suite);
        let psk = Psk::External(ExternalPsk::new(b"psk".to_vec()));
        let rand = room.coordinator.provider.rand();
        let id = PreSharedKeyId::new(suite, rand, psk).expect("an id");
        for phone in [&room.coordinator, &room.nurse] {
            id.store(&phone.provider, b"secret").expect("stores");
        }
        let proposal = Proposal::PreSharedKey(Box::new(PreSharedKeyProposal::new(id)));
        let bundle = room
            .coordinator
            .commit(&mut room.group, |b| b.add_proposal(proposal));
        let refused = room.read(bundle.commit());
        assert_eq!(refused, Err(MlsFormatError::Proposal));
    }
}

/// Everyone in the room keeps a standalone proposal.
fn announce(room: &mut Room, message: &MlsMessageOut, from_nurse: bool) {
    let processed = room
        .server
        .process_message(room.server_storage.crypto(), protocol(message))
        .expect("valid for MLS");
    let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
        panic!("a proposal");
    };
    room.server
        .add_proposal(room.server_storage.storage(), *proposal)
        .expect("keeps");
    let (group, phone) = if from_nurse {
        (&mut room.group, &room.coordinator)
    } else {
        (&mut room.nurses_group, &room.nurse)
    };
    let processed = group
        .process_message(&phone.provider, protocol(message))
        .expect("valid for MLS");
    let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
        panic!("a proposal");
    };
    let kept = group.store_pending_proposal(phone.provider.storage(), *proposal);
    kept.expect("keeps");
}

// proves: M5
#[test]
fn a_commit_of_somebody_elses_update_is_refused() {
    for suite in suites() {
        let mut room = Room::new(suite);
        let parameters = LeafNodeParameters::default();
        let (update, _) = room
            .nurses_group
            .propose_self_update(&room.nurse.provider, &room.nurse.signer(), parameters)
            .expect("proposes");
        announce(&mut room, &update, true);
        let bundle = room.coordinator.commit(&mut room.group, |b| b);
        let refused = room.read(bundle.commit());
        assert_eq!(refused, Err(MlsFormatError::Proposal));
    }
}

#[test]
fn a_commit_of_a_proposal_that_was_sent_apart_is_refused() {
    for suite in suites() {
        let mut room = Room::new(suite);
        let doctor = Phone::new(DOCTOR, DOCTOR_PHONE).key_package(suite);
        let signer = room.coordinator.signer();
        let (add, _) = room
            .group
            .propose_add_member(&room.coordinator.provider, &signer, &doctor)
            .expect("proposes");
        announce(&mut room, &add, false);
        let bundle = room.coordinator.commit(&mut room.group, |b| b);
        let refused = room.read(bundle.commit());
        assert_eq!(refused, Err(MlsFormatError::Proposal));
    }
}

// proves: M5
#[test]
fn a_commit_that_puts_another_identity_into_its_own_leaf_is_refused() {
    for suite in suites() {
        // The same key under a colleague's name.
        let mut room = Room::new(suite);
        let renamed = CredentialWithKey {
            credential: credential(
                STRUCTURE,
                person(DOCTOR),
                device(COORDINATOR_PHONE),
                &public(COORDINATOR_PHONE),
            ),
            signature_key: public(COORDINATOR_PHONE).to_vec().into(),
        };
        let parameters = LeafNodeParameters::builder()
            .with_credential_with_key(renamed)
            .build();
        let bundle = room
            .coordinator
            .commit(&mut room.group, |b| b.leaf_node_parameters(parameters));
        let refused = room.read(bundle.commit());
        assert_eq!(refused, Err(MlsFormatError::Credential));

        // Another device with its own key.
        let mut room = Room::new(suite);
        let provider = &room.coordinator.provider;
        let bundle = room
            .group
            .commit_builder()
            .load_psks(provider.storage())
            .expect("no keys")
            .build_with_new_signer(
                provider.rand(),
                provider.crypto(),
                &room.coordinator.signer(),
                NewSignerBundle {
                    signer: &DeviceKey(DOCTOR_PHONE),
                    credential_with_key: leaf_credential(DOCTOR, DOCTOR_PHONE),
                },
                |_| true,
            )
            .expect("builds")
            .stage_commit(provider)
            .expect("stages");
        let refused = room.read(bundle.commit());
        assert_eq!(refused, Err(MlsFormatError::Credential));

        // Another key under the same name, which the credential then contradicts.
        let mut room = Room::new(suite);
        let provider = &room.coordinator.provider;
        let own = leaf_credential(COORDINATOR, COORDINATOR_PHONE).credential;
        let bundle = room
            .group
            .commit_builder()
            .load_psks(provider.storage())
            .expect("no keys")
            .build_with_new_signer(
                provider.rand(),
                provider.crypto(),
                &room.coordinator.signer(),
                NewSignerBundle {
                    signer: &DeviceKey(STRANGER),
                    credential_with_key: CredentialWithKey {
                        credential: own,
                        signature_key: public(STRANGER).to_vec().into(),
                    },
                },
                |_| true,
            )
            .expect("builds")
            .stage_commit(provider)
            .expect("stages");
        let refused = room.read(bundle.commit());
        assert_eq!(refused, Err(MlsFormatError::Credential));
    }
}

// ---------------------------------------------------------------- lifetimes

#[test]
fn a_device_whose_leaf_would_expire_is_never_added() {
    for suite in suites() {
        let mut room = Room::new(suite);
        let doctor = Phone::new(DOCTOR, DOCTOR_PHONE);
        // Valid today; tomorrow nobody could process the commit that adds it.
        let package = doctor.key_package_living(suite, Lifetime::new(24 * 3600));
        let bundle = room
            .coordinator
            .commit(&mut room.group, |b| b.propose_adds([package]));
        let refused = room.read(bundle.commit());
        assert_eq!(refused, Err(MlsFormatError::Lifetime));
        assert_eq!(room.suite, suite);
    }
}

#[test]
fn a_channel_whose_creator_would_expire_is_refused() {
    for suite in suites() {
        let coordinator = Phone::new(COORDINATOR, COORDINATOR_PHONE);
        let storage = OpenMlsRustCrypto::default();
        let group = coordinator.create(suite, Lifetime::new(24 * 3600));
        let view = public_view(&coordinator, &group, &storage);
        assert_eq!(leaves(&view), Err(MlsFormatError::Lifetime));
        let group = coordinator.create(suite, lifetime());
        let view = public_view(&coordinator, &group, &storage);
        assert_eq!(leaves(&view).map(|l| l.len()), Ok(1));
    }
}

#[test]
fn a_key_package_is_read_like_the_leaf_that_it_becomes() {
    for suite in suites() {
        let doctor = Phone::new(DOCTOR, DOCTOR_PHONE);
        let package = doctor.key_package(suite);
        let expected = leaf(None, DOCTOR, DOCTOR_PHONE);
        assert_eq!(read_key_package(&package), Ok(expected));
        let package = doctor.key_package_living(suite, Lifetime::new(24 * 3600));
        assert_eq!(read_key_package(&package), Err(MlsFormatError::Lifetime));
    }
}

/// An external commit of `phone`, as the server and the nurse read it.
fn comes_in(room: &mut Room, phone: &Phone) -> Result<CommitChange, MlsFormatError> {
    let info = room.group.export_group_info(
        room.coordinator.provider.crypto(),
        &room.coordinator.signer(),
        false,
    );
    let MlsMessageBodyIn::GroupInfo(info) = incoming(&info.expect("exports")).extract() else {
        panic!("a GroupInfo");
    };
    let config = MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .build();
    let leaf = LeafNodeParameters::builder()
        .with_capabilities(capabilities(room.suite))
        .build();
    let provider = &phone.provider;
    let (_, bundle) = MlsGroup::external_commit_builder()
        .with_ratchet_tree(room.group.export_ratchet_tree().into())
        .with_config(config)
        .build_group(provider, info, leaf_credential(phone.who, phone.phone))
        .expect("a valid group")
        .leaf_node_parameters(leaf)
        .load_psks(provider.storage())
        .expect("pre-shared keys")
        .build(provider.rand(), provider.crypto(), &phone.signer(), |_| {
            true
        })
        .expect("builds")
        .finalize(provider)
        .expect("finalises");
    room.read(bundle.commit())
}

// proves: M2
#[test]
fn an_external_commit_says_who_comes_in_and_which_old_leaf_goes() {
    for suite in suites() {
        let mut room = Room::new(suite);
        let before = leaves(&room.server).expect("leaves");
        let comer = leaf(None, DOCTOR, DOCTOR_PHONE);
        let change = CommitChange {
            committer: comer.clone(),
            external: true,
            before: before.clone(),
            added: vec![comer],
            removed: vec![],
            roster: None,
        };
        let read = comes_in(&mut room, &Phone::new(DOCTOR, DOCTOR_PHONE));
        assert_eq!(read, Ok(change));

        let mut room = Room::new(suite);
        let comer = leaf(None, NURSE, NURSE_PHONE);
        let change = CommitChange {
            committer: comer.clone(),
            external: true,
            added: vec![comer],
            removed: vec![before[1].clone()],
            before,
            roster: None,
        };
        // Its state is lost: nothing but the key is the same.
        let read = comes_in(&mut room, &Phone::new(NURSE, NURSE_PHONE));
        assert_eq!(read, Ok(change));
    }
}
