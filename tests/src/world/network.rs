//! A network that does what networks do: cut a connection at any byte, lose a
//! request or its answer, repeat a frame.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use prost::Message;
use prost::bytes::Bytes;
use relais_wire::v1::{ServerFrame, server_frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::lies::{Liar, Lie};

/// What goes wrong next; each fault happens once.
#[derive(Default)]
pub struct Faults {
    cut: Option<Cut>,
    repeat_sent: usize,
    repeat_received: usize,
    lost_requests: usize,
    lost_answers: usize,
    liar: Option<Liar>,
    rewrite: Option<Rewrite>,
}

/// What a lying server makes of a frame; `None` keeps it back.
type Rewrite = Box<dyn FnMut(server_frame::Frame) -> Option<server_frame::Frame> + Send>;

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

    /// The server lies to this device from now on.
    pub fn lie(&mut self, lie: Lie) {
        self.liar = Some(Liar::new(lie));
    }

    /// Whether it lies.
    pub(crate) fn is_lying(&self) -> bool {
        self.liar.is_some()
    }

    /// The server lies: each frame goes through `rewrite` before it arrives.
    pub fn rewrite(
        &mut self,
        rewrite: impl FnMut(server_frame::Frame) -> Option<server_frame::Frame> + Send + 'static,
    ) {
        self.rewrite = Some(Box::new(rewrite));
    }

    /// The server is honest again; how often it told its lie.
    pub fn tell_the_truth(&mut self) -> usize {
        self.rewrite = None;
        self.liar.take().map_or(0, |liar| liar.told())
    }

    /// What the device hears instead of a frame.
    pub(crate) fn hear(&mut self, frame: Bytes) -> Vec<Bytes> {
        if let Some(rewrite) = &mut self.rewrite {
            let decoded = ServerFrame::decode(frame).expect("a frame of ours");
            let frame = rewrite(decoded.frame.expect("a frame"));
            return frame
                .map(|frame| ServerFrame { frame: Some(frame) }.encode_to_vec().into())
                .into_iter()
                .collect();
        }
        match &mut self.liar {
            Some(liar) => liar.received(frame),
            None => vec![frame],
        }
    }

    /// What reaches the server of a frame, and what the device hears at once.
    pub(crate) fn say(&mut self, frame: Bytes) -> (Option<Bytes>, Vec<Bytes>) {
        match &mut self.liar {
            Some(liar) => liar.sent(frame),
            None => (Some(frame), Vec::new()),
        }
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
