//! A network that does what networks do: cut a connection at any byte, lose a
//! request or its answer, repeat a frame.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use prost::Message;
use prost::bytes::Bytes;
use relais_wire::v1::{ServerFrame, caught_up, delivery, server_frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What goes wrong next; each fault happens once.
#[derive(Debug, Default)]
pub struct Faults {
    cut: Option<Cut>,
    repeat_sent: usize,
    repeat_received: usize,
    lost_requests: usize,
    lost_answers: usize,
    withhold_structure: bool,
    hostile: Hostile,
}

/// What a lying server makes of a frame; `None` keeps it back.
type Rewrite = Box<dyn FnMut(server_frame::Frame) -> Option<server_frame::Frame> + Send>;

#[derive(Default)]
struct Hostile(Option<Rewrite>);

impl std::fmt::Debug for Hostile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hostile").field(&self.0.is_some()).finish()
    }
}

/// After how many bytes a connection breaks, in each direction.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Bytes that this device can still send.
    pub sent: usize,
    /// Bytes that it can still receive.
    pub received: usize,
}

impl Faults {
    /// The next connection breaks after so many bytes.
    pub fn cut_next(&mut self, cut: Cut) {
        self.cut = Some(cut);
    }

    /// The next frames are sent twice.
    pub fn repeat_sent(&mut self, frames: usize) {
        self.repeat_sent = frames;
    }

    /// The next frames arrive twice.
    pub fn repeat_received(&mut self, frames: usize) {
        self.repeat_received = frames;
    }

    /// The next HTTP requests do not arrive.
    pub fn drop_requests(&mut self, requests: usize) {
        self.lost_requests = requests;
    }

    /// The next HTTP requests arrive, their answers do not.
    pub fn drop_answers(&mut self, answers: usize) {
        self.lost_answers = answers;
    }

    /// The server keeps back new entries of the structure log, and says that there
    /// are none.
    pub fn withhold_structure(&mut self, withhold: bool) {
        self.withhold_structure = withhold;
    }

    /// Whether entries of the structure log are kept back.
    pub(crate) fn is_withholding(&self) -> bool {
        self.withhold_structure
    }

    /// The server lies: each frame goes through `rewrite` before it arrives.
    pub fn rewrite(
        &mut self,
        rewrite: impl FnMut(server_frame::Frame) -> Option<server_frame::Frame> + Send + 'static,
    ) {
        self.hostile = Hostile(Some(Box::new(rewrite)));
    }

    /// The server is honest again.
    pub fn honest(&mut self) {
        self.hostile = Hostile(None);
    }

    /// The frame as a server with these faults would have sent it.
    pub(crate) fn falsify(&mut self, frame: Bytes, structure_seq: u64) -> Option<Bytes> {
        if let Some(rewrite) = &mut self.hostile.0 {
            let decoded = ServerFrame::decode(frame).expect("a frame of ours");
            let frame = Some(rewrite(decoded.frame.expect("a frame"))?);
            return Some(ServerFrame { frame }.encode_to_vec().into());
        }
        if !self.withhold_structure {
            return Some(frame);
        }
        let mut decoded = ServerFrame::decode(frame).expect("a frame of ours");
        match &mut decoded.frame {
            Some(server_frame::Frame::Delivery(delivery))
                if matches!(delivery.item, Some(delivery::Item::Structure(_))) =>
            {
                return None;
            }
            Some(server_frame::Frame::CaughtUp(caught_up)) => {
                if let Some(caught_up::Log::StructureSeq(seq)) = &mut caught_up.log {
                    *seq = structure_seq;
                }
            }
            _ => {}
        }
        Some(decoded.encode_to_vec().into())
    }

    pub(crate) fn take_cut(&mut self) -> Option<Cut> {
        self.cut.take()
    }

    pub(crate) fn sendings(&mut self) -> usize {
        1 + usize::from(spend(&mut self.repeat_sent))
    }

    pub(crate) fn deliveries(&mut self) -> usize {
        1 + usize::from(spend(&mut self.repeat_received))
    }

    pub(crate) fn lose_request(&mut self) -> bool {
        spend(&mut self.lost_requests)
    }

    pub(crate) fn lose_answer(&mut self) -> bool {
        spend(&mut self.lost_answers)
    }
}

fn spend(count: &mut usize) -> bool {
    let any = *count > 0;
    *count = count.saturating_sub(1);
    any
}

/// A TCP stream that breaks after a number of bytes.
pub struct CutStream {
    inner: TcpStream,
    cut: Option<Cut>,
}

impl CutStream {
    pub(crate) fn new(inner: TcpStream, cut: Option<Cut>) -> Self {
        Self { inner, cut }
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "cut by the test")
}

impl AsyncRead for CutStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(cut) = self.cut else {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        };
        if cut.received == 0 {
            return Poll::Ready(Err(broken()));
        }
        let room = buf.remaining().min(cut.received);
        let mut part = vec![0; room];
        let mut part = ReadBuf::new(&mut part);
        let polled = Pin::new(&mut self.inner).poll_read(cx, &mut part);
        if polled.is_ready() {
            buf.put_slice(part.filled());
            self.cut = Some(Cut {
                received: cut.received - part.filled().len(),
                ..cut
            });
        }
        polled
    }
}

impl AsyncWrite for CutStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(cut) = self.cut else {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        };
        if cut.sent == 0 {
            return Poll::Ready(Err(broken()));
        }
        let room = bytes.len().min(cut.sent);
        let polled = Pin::new(&mut self.inner).poll_write(cx, &bytes[..room]);
        if let Poll::Ready(Ok(written)) = polled {
            self.cut = Some(Cut {
                sent: cut.sent - written,
                ..cut
            });
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
