//! Every table, with its purpose. A step is never changed once released; a new
//! one is appended.

/// Migration steps: `user_version` counts those that ran.
pub(super) const STEPS: &[&[&str]] = &[
    FIRST,
    &[
        // What a thread was called when, its headers, handovers: without it, all events are read.
        "CREATE INDEX events_kind ON events (channel, kind, seq)",
    ],
    &[
        // Wounds, folded in log order. `status`: see projection::wound_status.
        "CREATE TABLE wounds (channel BLOB NOT NULL, wound BLOB NOT NULL, seq INTEGER NOT NULL,
            author BLOB NOT NULL, time_ms INTEGER NOT NULL, content BLOB NOT NULL,
            status INTEGER NOT NULL, actor BLOB NOT NULL, changed_ms INTEGER NOT NULL,
            reason TEXT NOT NULL, PRIMARY KEY (channel, wound)) STRICT, WITHOUT ROWID",
        "CREATE TABLE wound_assessments (channel BLOB NOT NULL, wound BLOB NOT NULL,
            seq INTEGER NOT NULL, event BLOB NOT NULL, author BLOB NOT NULL,
            time_ms INTEGER NOT NULL, content BLOB NOT NULL,
            PRIMARY KEY (channel, wound, seq)) STRICT, WITHOUT ROWID",
        // Photos of a wound, taken for it or assessed with it.
        "CREATE TABLE wound_photos (channel BLOB NOT NULL, wound BLOB NOT NULL,
            seq INTEGER NOT NULL, event BLOB NOT NULL,
            PRIMARY KEY (channel, wound, seq)) STRICT, WITHOUT ROWID",
        // Urgent messages for which nobody has taken a task, and handovers that a receiver has
        // not acknowledged.
        "CREATE TABLE urgent (channel BLOB NOT NULL, event BLOB NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (channel, event)) STRICT, WITHOUT ROWID",
        "CREATE TABLE awaited (channel BLOB NOT NULL, handover BLOB NOT NULL,
            professional BLOB NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (channel, handover, professional)) STRICT, WITHOUT ROWID",
        "CREATE INDEX awaited_of ON awaited (professional)",
        // The event that a task is about.
        "ALTER TABLE tasks ADD COLUMN linked BLOB NOT NULL DEFAULT x''",
        "CREATE INDEX tasks_status ON tasks (status, channel)",
        // Counted for each thread of the list: without it, the events are read, photos and all.
        "CREATE INDEX events_told ON events (channel, seq, professional, kind, import, time_ms)
            WHERE kind NOT IN (10, 11)",
        // What people said or did for the patient: neither that the thread was opened, who came and why, nor what
        // devices shared or said again.
        "CREATE VIEW said_events AS SELECT * FROM shown_events WHERE kind NOT IN (10, 11)
            AND kind NOT IN (1, 3, 12, 13)",
        // Whom an invitation is for, before the log and the directory know it.
        "ALTER TABLE invitations ADD COLUMN professional BLOB",
        "ALTER TABLE invitations ADD COLUMN card BLOB",
        // What people wrote, word by word, in events that this device holds: a row goes with its
        // event. Words that go are overwritten at once.
        "CREATE TABLE search_texts (id INTEGER PRIMARY KEY, channel BLOB NOT NULL,
            event BLOB NOT NULL, text TEXT NOT NULL, UNIQUE (channel, event)) STRICT",
        "CREATE VIRTUAL TABLE search USING fts5 (text, content = 'search_texts',
            content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')",
        "INSERT INTO search (search, rank) VALUES ('secure-delete', 1)",
        "CREATE TRIGGER search_added AFTER INSERT ON search_texts BEGIN
            INSERT INTO search (rowid, text) VALUES (new.id, new.text); END",
        "CREATE TRIGGER search_removed AFTER DELETE ON search_texts BEGIN
            INSERT INTO search (search, rowid, text) VALUES ('delete', old.id, old.text); END",
        "CREATE TRIGGER search_event_removed AFTER DELETE ON events BEGIN
            DELETE FROM search_texts WHERE channel = old.channel AND event = old.event_id; END",
        // What there is to fold into these.
        "INSERT INTO meta (key, value) SELECT 'fold_anew', x'01'
            WHERE EXISTS (SELECT 1 FROM events)",
    ],
];

const FIRST: &[&str] = &[
    // Settings: see `meta::keys`.
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
    // The structure log, verbatim, with the hash of each entry and the server's seal where
    // it came with one.
    "CREATE TABLE structure_log (seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,
        statement BLOB NOT NULL, hash BLOB NOT NULL, seal BLOB NOT NULL) STRICT",
    // That log, while a device whose enrolment lapsed tries another link.
    "CREATE TABLE lapsed_log (seq INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,
        statement BLOB NOT NULL, hash BLOB NOT NULL, seal BLOB NOT NULL) STRICT",
    // Cards that this device could open.
    "CREATE TABLE people (professional BLOB PRIMARY KEY, card BLOB NOT NULL) STRICT, WITHOUT ROWID",
    // New roots that coordinators propose, the newest of each, and who agrees. `device`:
    // where the new root and the signatures are.
    "CREATE TABLE root_proposals (proposal BLOB PRIMARY KEY, body BLOB NOT NULL,
        signature BLOB NOT NULL, proposer BLOB NOT NULL, device BLOB NOT NULL,
        sent INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID",
    "CREATE TABLE root_approvals (proposal BLOB NOT NULL, coordinator BLOB NOT NULL,
        signature BLOB NOT NULL, PRIMARY KEY (proposal, coordinator)) STRICT, WITHOUT ROWID",
    // Safety codes that were compared, as they were then.
    "CREATE TABLE verified (professional BLOB PRIMARY KEY, code TEXT NOT NULL)
        STRICT, WITHOUT ROWID",
    // Links of invitations issued here, so that they can be shown again.
    "CREATE TABLE invitations (enrolment_key BLOB PRIMARY KEY, link TEXT NOT NULL,
        expires_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    // Roots whose seed is here, or whose kit or shares were made or proved here.
    "CREATE TABLE roots (root_key BLOB PRIMARY KEY, seed BLOB, kit_made_ms INTEGER,
        kit_confirmed_ms INTEGER, shares_made_ms INTEGER, shares_confirmed_ms INTEGER)
        STRICT, WITHOUT ROWID",
    // Channels known here. `cursor_*`: last entry applied. `state`: see query::ThreadState.
    // `until_ms`: end of this person's membership, 0 for none. `cursor_seal`: the server's, on
    // the entry at the cursor. `life`: the server's life in which the log was last compared.
    "CREATE TABLE channels (channel BLOB PRIMARY KEY, thread BLOB, kind INTEGER NOT NULL DEFAULT 0,
        title TEXT NOT NULL DEFAULT '', incarnation INTEGER NOT NULL, epoch INTEGER NOT NULL,
        joined_seq INTEGER NOT NULL, cursor_seq INTEGER NOT NULL, cursor_hash BLOB NOT NULL,
        cursor_time_ms INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
        event_counter INTEGER NOT NULL DEFAULT 0, renew_at_ms INTEGER NOT NULL DEFAULT 0,
        until_ms INTEGER NOT NULL DEFAULT 0, cursor_seal BLOB NOT NULL DEFAULT x'',
        life INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    // Hash of every entry known: what authors claim to have seen is checked against it. The
    // header (relais-wire) is that of an entry read here, NULL where only the hash is known.
    "CREATE TABLE entries (channel BLOB NOT NULL, seq INTEGER NOT NULL, hash BLOB NOT NULL,
        header BLOB, PRIMARY KEY (channel, seq)) STRICT, WITHOUT ROWID",
    // Stretches of a log that this device did not read: after `after_seq`, up to and with
    // `until_seq`. Colleagues fill them, one asked after the other: see history::request.
    "CREATE TABLE gaps (channel BLOB NOT NULL, after_seq INTEGER NOT NULL,
        until_seq INTEGER NOT NULL, shown INTEGER NOT NULL DEFAULT 1,
        tries INTEGER NOT NULL DEFAULT 0, asked BLOB, next_ms INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (channel, after_seq)) STRICT, WITHOUT ROWID",
    // Every roster seen, so that a joiner can verify the chain. `seq`: the entry that put it
    // in force, NULL where this device does not know it.
    "CREATE TABLE rosters (channel BLOB NOT NULL, version INTEGER NOT NULL, signed BLOB NOT NULL,
        seq INTEGER, PRIMARY KEY (channel, version)) STRICT, WITHOUT ROWID",
    // Accepted events, verbatim. `import`: the archive that brought it (see imports), 0 for
    // one that was read from the log.
    "CREATE TABLE events (channel BLOB NOT NULL, seq INTEGER NOT NULL, event_id BLOB NOT NULL,
        device BLOB NOT NULL, professional BLOB NOT NULL, counter INTEGER NOT NULL,
        time_ms INTEGER NOT NULL, kind INTEGER NOT NULL, signed BLOB NOT NULL,
        import INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (channel, seq)) STRICT",
    "CREATE UNIQUE INDEX events_id ON events (channel, event_id)",
    // Asked for each event received: without it, all of the channel's events are read.
    "CREATE INDEX events_author ON events (channel, device, counter)",
    // What the log itself says in the thread: joined, left, role changed, quarantined.
    "CREATE TABLE notices (channel BLOB NOT NULL, seq INTEGER NOT NULL, part INTEGER NOT NULL,
        time_ms INTEGER NOT NULL, kind TEXT NOT NULL, actor BLOB NOT NULL, subject BLOB NOT NULL,
        detail TEXT NOT NULL, import INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (channel, seq, part, import)) STRICT, WITHOUT ROWID",
    // Archives that arrive, until all that they hold is shown: see history::import. What one
    // brings becomes visible at once, when its row goes.
    "CREATE TABLE imports (id INTEGER PRIMARY KEY AUTOINCREMENT, channel BLOB NOT NULL,
        blob BLOB NOT NULL UNIQUE, sharer BLOB NOT NULL, kind INTEGER NOT NULL,
        first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '', received_ms INTEGER NOT NULL,
        chunk INTEGER NOT NULL DEFAULT 0, rest BLOB NOT NULL DEFAULT x'',
        next_seq INTEGER NOT NULL DEFAULT 0, hash BLOB NOT NULL DEFAULT x'',
        time_ms INTEGER NOT NULL DEFAULT 0, roster INTEGER NOT NULL DEFAULT 0,
        promised_from INTEGER NOT NULL DEFAULT 1, last_hash BLOB NOT NULL DEFAULT x'',
        beside BLOB NOT NULL) STRICT",
    "CREATE VIEW shown_events AS SELECT * FROM events e WHERE e.import = 0
        OR NOT EXISTS (SELECT 1 FROM imports i WHERE i.id = e.import)",
    "CREATE VIEW shown_notices AS SELECT * FROM notices n WHERE n.import = 0
        OR NOT EXISTS (SELECT 1 FROM imports i WHERE i.id = n.import)",
    // What an archive holds, before its hash chain is known to be true.
    "CREATE TABLE archived_entries (import INTEGER NOT NULL, seq INTEGER NOT NULL,
        hash BLOB NOT NULL, header BLOB NOT NULL, entry BLOB NOT NULL, reason TEXT NOT NULL,
        PRIMARY KEY (import, seq)) STRICT",
    "CREATE TABLE archived_rosters (import INTEGER NOT NULL, version INTEGER NOT NULL,
        signed BLOB NOT NULL, seq INTEGER, PRIMARY KEY (import, version)) STRICT",
    // Stretches that this device shares, until they are granted: see history::share.
    // `device`: one device of the person, NULL for all of them.
    "CREATE TABLE shares (id INTEGER PRIMARY KEY AUTOINCREMENT, channel BLOB NOT NULL,
        professional BLOB NOT NULL, device BLOB, kind INTEGER NOT NULL, since_ms INTEGER NOT NULL,
        full_from INTEGER NOT NULL, promised_from INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
        told INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
        blob BLOB, key BLOB, part_first INTEGER NOT NULL DEFAULT 0,
        next_seq INTEGER NOT NULL DEFAULT 0, chunk INTEGER NOT NULL DEFAULT 0,
        plaintext_len INTEGER NOT NULL DEFAULT 0, length INTEGER NOT NULL DEFAULT 0,
        rest BLOB NOT NULL DEFAULT x'') STRICT",
    // Events below a share's `full_from` that belong to its summary.
    "CREATE TABLE share_events (share INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (share, seq)) STRICT, WITHOUT ROWID",
    // Requests of others that were answered, to bound how often.
    "CREATE TABLE answers (channel BLOB NOT NULL, device BLOB NOT NULL,
        time_ms INTEGER NOT NULL) STRICT",
    // Projections, folded in log order.
    "CREATE TABLE headers (channel BLOB PRIMARY KEY, seq INTEGER NOT NULL, author BLOB NOT NULL,
        time_ms INTEGER NOT NULL, header BLOB NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE circle (channel BLOB NOT NULL, professional BLOB NOT NULL, seq INTEGER NOT NULL,
        note BLOB NOT NULL, PRIMARY KEY (channel, professional)) STRICT, WITHOUT ROWID",
    "CREATE TABLE tasks (channel BLOB NOT NULL, task BLOB NOT NULL, seq INTEGER NOT NULL,
        requester BLOB NOT NULL, created_ms INTEGER NOT NULL, content BLOB NOT NULL,
        status INTEGER NOT NULL, actor BLOB NOT NULL, changed_ms INTEGER NOT NULL,
        reason TEXT NOT NULL, PRIMARY KEY (channel, task)) STRICT, WITHOUT ROWID",
    "CREATE TABLE acknowledgements (channel BLOB NOT NULL, handover BLOB NOT NULL,
        professional BLOB NOT NULL, seq INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        synthesis TEXT NOT NULL, PRIMARY KEY (channel, handover, professional)) STRICT, WITHOUT ROWID",
    "CREATE TABLE reads (channel BLOB NOT NULL, professional BLOB NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (channel, professional)) STRICT, WITHOUT ROWID",
    // How far each device of a channel has acknowledged, as the server says.
    "CREATE TABLE cursors (channel BLOB NOT NULL, device BLOB NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (channel, device)) STRICT, WITHOUT ROWID",
    // When a restored server's log was found to end earlier, or to go on otherwise, after `seq`.
    // No channel: the structure log, and how many statements.
    "CREATE TABLE rollbacks (id INTEGER PRIMARY KEY, channel BLOB NOT NULL, seq INTEGER NOT NULL,
        at_ms INTEGER NOT NULL, events INTEGER NOT NULL) STRICT",
    // Events that such a server has lost, verbatim, until the log has them again. `audience`:
    // ids of the members in whose circle they were said. `next_ms`: when this device says one
    // of somebody else's again. `silent`: nobody says it again, and nobody misses it.
    "CREATE TABLE lost_events (id INTEGER PRIMARY KEY, channel BLOB NOT NULL,
        event_id BLOB NOT NULL, time_ms INTEGER NOT NULL, device BLOB NOT NULL,
        professional BLOB NOT NULL, signed BLOB NOT NULL, audience BLOB NOT NULL,
        next_ms INTEGER NOT NULL, silent INTEGER NOT NULL DEFAULT 0,
        UNIQUE (channel, event_id)) STRICT",
    // Changes of the circle that it has lost, JSON, and the version of the roster that it
    // kept. `until_ms`: events wait so long for those who are to be added again.
    "CREATE TABLE lost_changes (channel BLOB PRIMARY KEY, change BLOB NOT NULL,
        version INTEGER NOT NULL, tries INTEGER NOT NULL, next_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL)
        STRICT, WITHOUT ROWID",
    // What a structure log that this device has left had ended, and the one that it holds has
    // never heard of (relais_wire::structure::Ended).
    "CREATE TABLE lost_ends (what BLOB PRIMARY KEY) STRICT, WITHOUT ROWID",
    // Entries that could not be applied, with the reason.
    "CREATE TABLE parked (channel BLOB NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL,
        payload BLOB NOT NULL, PRIMARY KEY (channel, seq)) STRICT",
    // Welcomes that wait for another log, in the order of their arrival (WelcomeItem, relais-wire).
    "CREATE TABLE welcomes (id INTEGER PRIMARY KEY, channel BLOB NOT NULL,
        time_ms INTEGER NOT NULL, item BLOB NOT NULL) STRICT",
    // Sealed items of devices that are not known here yet (SealedItem, relais-wire). `old`:
    // received by an earlier connection.
    "CREATE TABLE sealed (id INTEGER PRIMARY KEY, item BLOB NOT NULL,
        old INTEGER NOT NULL DEFAULT 0) STRICT",
    // Pace of coming back to a channel: see `rejoin`. `incarnation` and `epoch`: the group that
    // the staged commit or reboot ends. `was_out`: the person was no member, so no gap is owed.
    "CREATE TABLE rejoins (channel BLOB PRIMARY KEY, attempts INTEGER NOT NULL DEFAULT 0,
        since_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL, incarnation INTEGER NOT NULL DEFAULT 0,
        epoch INTEGER NOT NULL DEFAULT 0, was_out INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    // What the person wants and the log has not yet settled (architecture D3).
    "CREATE TABLE intents (id INTEGER PRIMARY KEY AUTOINCREMENT, channel BLOB, kind TEXT NOT NULL,
        payload BLOB NOT NULL, event_id BLOB, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '', created_ms INTEGER NOT NULL) STRICT",
    "CREATE INDEX intents_open ON intents (state, channel, id)",
    // Sends in flight, verbatim: a repetition carries identical bytes (architecture D10).
    "CREATE TABLE sends (counter INTEGER PRIMARY KEY, intent INTEGER NOT NULL, channel BLOB,
        epoch INTEGER, bytes BLOB NOT NULL, payload_hash BLOB NOT NULL,
        live INTEGER NOT NULL DEFAULT 1) STRICT",
    "CREATE INDEX sends_intent ON sends (intent)",
    // Encrypted blobs, by piece. `state`: see outbox::blobs.
    "CREATE TABLE blobs (blob BLOB PRIMARY KEY, channel BLOB NOT NULL, key BLOB NOT NULL,
        plaintext_len INTEGER NOT NULL, length INTEGER NOT NULL, sha256 BLOB NOT NULL,
        state TEXT NOT NULL, begun INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        retry_at_ms INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID",
    "CREATE TABLE blob_pieces (blob BLOB NOT NULL, start INTEGER NOT NULL, bytes BLOB NOT NULL,
        PRIMARY KEY (blob, start)) STRICT",
    crate::mls::storage::SCHEMA,
];
