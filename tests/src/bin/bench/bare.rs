//! The same work by openmls alone: a group of the same size and suite, storage in
//! memory, nothing signed beside it, nothing folded, nothing durable.

use std::time::Instant;

use openmls::prelude::MlsGroup;
use relais_wire::ids::{ChannelId, StructureId};
use relais_wire::v1::LogHead;
use tls_codec::Serialize;

use crate::Outcome;
use crate::device::Device;
use crate::report::Times;

/// Two members of a group that others are in as well.
pub struct Pair {
    writer: Device,
    writer_group: MlsGroup,
    reader: Device,
    reader_group: MlsGroup,
    events: u64,
}

/// What a message costs here.
pub struct Costs {
    pub encrypt: Times,
    pub receive: Times,
}

impl Pair {
    /// A group of `members`.
    pub fn new(members: usize) -> Outcome<Self> {
        let structure = StructureId([1; 16]);
        let mut devices = (0..members).map(|number| Device::new(structure, number));
        let writer = devices.next().ok_or("a group of nobody")?;
        let others: Vec<_> = devices.collect();
        let head = LogHead::default();
        let (mut writer_group, _) = writer.new_channel(ChannelId([2; 16]), &head)?;
        let packages = others
            .iter()
            .map(|d| writer.read_key_package(&d.key_package(false)?))
            .collect::<Outcome<_>>()?;
        let people: Vec<_> = others.iter().map(|d| d.professional).collect();
        let commit = writer.add(&mut writer_group, &head, packages, &people)?;
        writer_group.merge_pending_commit(&writer.provider)?;
        let tree = writer_group
            .export_ratchet_tree()
            .tls_serialize_detached()?;
        let reader = others.into_iter().next().ok_or("a group of one")?;
        let reader_group = reader.join(&commit.welcome, &tree)?;
        Ok(Self {
            writer,
            writer_group,
            reader,
            reader_group,
            events: 0,
        })
    }

    /// Encrypts `messages` of `length` bytes and then decrypts them. Also says how
    /// long each is on the wire.
    pub fn exchange(&mut self, messages: usize, length: usize) -> Outcome<(Costs, usize)> {
        let mut costs = Costs {
            encrypt: Times::default(),
            receive: Times::default(),
        };
        let content = vec![0x5A; length];
        let mut sent = Vec::new();
        for _ in 0..messages {
            self.events += 1;
            let begun = Instant::now();
            let message = self
                .writer
                .message(&mut self.writer_group, self.events, &content)?;
            costs.encrypt.note(begun.elapsed());
            sent.push(message.message);
        }
        let wire = sent.first().map_or(0, |message| message.len());
        for message in sent {
            let begun = Instant::now();
            let read = self.reader.read(&mut self.reader_group, &message)?;
            costs.receive.note(begun.elapsed());
            if read != content {
                return Err("a message that reads otherwise".into());
            }
        }
        Ok((costs, wire))
    }
}
