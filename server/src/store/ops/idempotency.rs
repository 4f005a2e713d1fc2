//! Each send counter has one answer (architecture D10), and each device one
//! connection lease.

use std::sync::Arc;

use relais_wire::RefusalCode;
use relais_wire::ids::DeviceId;
use relais_wire::v1::{Answer, Refusal, answer};

use super::Outcome;
use crate::store::engine::Engine;
use crate::store::kv::Backend;
use crate::store::state::Remembered;
use crate::store::{
    Applied, Connected, Operation, Presented, StoreError, Write, keyspaces as keys,
};

fn refusal(send_counter: u64, code: RefusalCode) -> Answer {
    Answer {
        send_counter,
        result: Some(answer::Result::Refusal(Refusal { code: code.into() })),
    }
}

impl<B: Backend> Engine<B> {
    /// See [`crate::store::Store::write`].
    pub fn write(&mut self, write: Write) -> Result<Applied, StoreError> {
        let Write {
            device,
            send_counter,
            request_hash,
            now_ms,
            operation,
        } = write;
        if let Some(recalled) = self.device(device)?.recall(send_counter, &request_hash) {
            return Ok(Applied {
                answer: recalled.unwrap_or_else(|code| refusal(send_counter, code)),
                effects: Vec::new(),
                conflict: false,
            });
        }
        let outcome = match operation {
            Operation::CreateChannel(new) => self.create_channel(device, now_ms, new)?,
            Operation::AppendMessage(new) => self.append_message(device, now_ms, new)?,
            Operation::AppendCommit(new) => self.append_commit(device, now_ms, new)?,
            Operation::RebootChannel(new) => self.reboot_channel(device, now_ms, new)?,
            Operation::AppendStatements {
                expected_head,
                entries,
            } => self.append_statements(expected_head, entries)?,
            Operation::PublishKeyPackages {
                packages,
                last_resort,
            } => self.publish_key_packages(device, packages, last_resort)?,
            Operation::ClaimKeyPackages(of) => self.claim_key_packages(device, now_ms, of)?,
            Operation::SendToDevice {
                device: receiver,
                kem_output,
                ciphertext,
            } => self.send_to_device(device, now_ms, receiver, kem_output, ciphertext)?,
            Operation::Refuse(code) => Outcome::Refused(code),
        };
        let (answer, effects) = match outcome {
            Outcome::Done(result, effects) => {
                let answer = Answer {
                    send_counter,
                    result: Some(result),
                };
                (answer, effects)
            }
            Outcome::Refused(code) => (refusal(send_counter, code), Vec::new()),
            Outcome::Conflict => {
                return Ok(Applied {
                    answer: refusal(send_counter, RefusalCode::StaleStructure),
                    effects: Vec::new(),
                    conflict: true,
                });
            }
        };
        let remembered = Arc::new(Remembered {
            send_counter,
            request_hash,
            answer: answer.clone(),
        });
        let (slot, replaced) = self
            .device_answers_mut(device)?
            .remember(remembered.clone());
        let key = keys::answer(device, slot);
        match replaced.is_some_and(|old| old.may_be_large()) {
            true => self.put(key, remembered.encode()),
            false => self.put_over_small(key, remembered.encode()),
        }
        Ok(Applied {
            answer,
            effects,
            conflict: false,
        })
    }

    /// See [`crate::store::Store::connect`].
    pub fn connect(
        &mut self,
        device: DeviceId,
        presented: Presented,
    ) -> Result<Connected, StoreError> {
        let state = self.device(device)?;
        let Presented {
            lease,
            previous_lease,
            send_counter,
            proved,
        } = presented;
        let known = state.lease.is_empty() || state.lease == lease || state.lease == previous_lease;
        let restored = proved > state.connections;
        let seen = state.send_counter();
        if !(known || restored) || seen > send_counter {
            return Ok(Connected::CloneSuspected);
        }
        let mut connection = state.connections;
        if state.lease != lease {
            connection = connection.max(proved).saturating_add(1);
            let state = self.device_mut(device)?;
            state.lease = lease;
            state.connections = connection;
        }
        Ok(Connected::Accepted {
            send_counter: seen,
            connection,
            restored,
        })
    }
}
