//! What a server reads from a socket.
#![no_main]

use libfuzzer_sys::fuzz_target;
use relais_fuzz::decode;
use relais_wire::ids::DeviceId;
use relais_wire::label::{Label, verify};
use relais_wire::v1::client_frame::Frame;
use relais_wire::v1::send::Operation;
use relais_wire::v1::{ClientFrame, HelloBody, Statement};

fuzz_target!(|data: &[u8]| {
    let Some(frame) = decode::<ClientFrame>(data).and_then(|frame| frame.frame) else {
        return;
    };
    match frame {
        Frame::Hello(hello) => {
            if let Some(body) = decode::<HelloBody>(&hello.body) {
                let _ = DeviceId::try_from(&body.device_id);
                let key = &body.nonce;
                let _ = verify(key, Label::Hello, &hello.body, &hello.signature);
            }
        }
        Frame::Send(send) => {
            if let Some(Operation::AppendStatements(append)) = send.operation {
                for statement in &append.statements {
                    decode::<Statement>(statement);
                }
            }
        }
        Frame::Subscribe(_)
        | Frame::Ack(_)
        | Frame::AskGroup(_)
        | Frame::AskChannels(_)
        | Frame::CompareLog(_) => {}
    }
});
