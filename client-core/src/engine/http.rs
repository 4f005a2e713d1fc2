//! HTTP as data: requests that the driver carries out and answers. Bodies are at
//! most `limits::BLOB_TRANSFER_BYTES` each way, so no blob is ever whole in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use relais_wire::ids::BlobId;
use relais_wire::structure::Structure;

use super::Engine;
use crate::error::Result;

/// Request method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// POST
    Post,
    /// PATCH
    Patch,
}

/// A request to the structure's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Names the request in [`Engine::respond`].
    pub id: u64,
    /// Method.
    pub method: Method,
    /// Path on the server, beginning with a slash.
    pub path: String,
    /// Header names (lower case) and values.
    pub headers: Vec<(&'static str, String)>,
    /// Body; empty for none.
    pub body: Vec<u8>,
}

impl HttpRequest {
    pub(crate) fn new(method: Method, path: String) -> Self {
        Self {
            id: 0,
            method,
            path,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// The server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl HttpResponse {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What an outstanding request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    StructureRecord,
    StructureLog,
    Enrol,
    RestoreStructure(GiveBack),
    RevocationLog,
    Return,
    BlobCreate(BlobId),
    BlobOffset(BlobId),
    BlobPatch(BlobId),
    BlobFetch(BlobId),
}

/// What is known while a server is given back what it lost of the structure log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct GiveBack {
    /// It said that it does not know this device.
    pub unknown: bool,
    /// The entry before the first that it is given with this request, and its head until
    /// then.
    pub given: Option<(u64, u64)>,
}

/// Outstanding requests.
#[derive(Default)]
pub(crate) struct Http {
    next_id: u64,
    queue: VecDeque<HttpRequest>,
    outstanding: BTreeMap<u64, Purpose>,
    offsets: BTreeSet<BlobId>,
    /// An enrolment request failed: asked again at this time.
    pub retry_enrolment_ms: Option<u64>,
    /// The log by which the server says that this device is revoked, as far as it was read.
    pub proof: Structure,
    /// A blob's transfer is tried again at this time.
    pub next_blob_ms: Option<u64>,
    pub failures: u32,
}

impl Http {
    pub fn queue(&mut self, purpose: Purpose, mut request: HttpRequest) {
        self.next_id += 1;
        request.id = self.next_id;
        self.outstanding.insert(request.id, purpose);
        self.queue.push_back(request);
    }

    pub fn is_busy_with(&self, blob: BlobId) -> bool {
        self.outstanding.values().any(|p| {
            matches!(p, Purpose::BlobCreate(b) | Purpose::BlobOffset(b)
                | Purpose::BlobPatch(b) | Purpose::BlobFetch(b) if *b == blob)
        })
    }

    /// An attempt to enrol is given up: its answers are for nobody.
    pub fn forget_enrolment(&mut self) {
        let enrols = |purpose: &Purpose| {
            matches!(
                purpose,
                Purpose::StructureRecord | Purpose::StructureLog | Purpose::Enrol
            )
        };
        self.outstanding.retain(|_, purpose| !enrols(purpose));
        let outstanding = &self.outstanding;
        self.queue
            .retain(|request| outstanding.contains_key(&request.id));
        self.retry_enrolment_ms = None;
        self.failures = 0;
    }

    pub fn is_restoring(&self) -> bool {
        self.outstanding
            .values()
            .any(|purpose| matches!(purpose, Purpose::RestoreStructure(_)))
    }

    pub fn is_returning(&self) -> bool {
        self.outstanding.values().any(|p| *p == Purpose::Return)
    }

    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }

    /// Whether the server said in this run how far the upload is.
    pub fn offset_known(&self, blob: BlobId) -> bool {
        self.offsets.contains(&blob)
    }

    pub fn know_offset(&mut self, blob: BlobId) {
        self.offsets.insert(blob);
    }

    pub fn forget_offset(&mut self, blob: BlobId) {
        self.offsets.remove(&blob);
    }
}

impl Engine {
    /// Requests to carry out, in any order.
    pub fn take_requests(&mut self) -> Vec<HttpRequest> {
        self.http.queue.drain(..).collect()
    }

    /// Answers a request; `None` when the network failed.
    ///
    /// # Errors
    /// Of the database; the request is then repeated later.
    pub fn respond(&mut self, id: u64, response: Option<HttpResponse>) -> Result<()> {
        let Some(purpose) = self.http.outstanding.remove(&id) else {
            return Ok(());
        };
        self.dirty = true;
        match purpose {
            Purpose::StructureRecord | Purpose::StructureLog | Purpose::Enrol => {
                if let Some(response) = &response {
                    self.enrolment_answered(&purpose, response)?;
                }
                let joining = self.enrolment.state == crate::identity::enrol::Enrolment::Joining;
                if joining && self.http.outstanding.is_empty() {
                    self.http.failures += 1;
                    let delay = 500 * u64::from(2u32.pow(self.http.failures.min(6)));
                    self.http.retry_enrolment_ms = Some(self.now_ms + delay);
                } else {
                    self.http.failures = 0;
                }
                Ok(())
            }
            Purpose::RestoreStructure(so_far) => self.structure_restored(so_far, response),
            Purpose::Return => self.return_answered(response.as_ref()),
            Purpose::RevocationLog => {
                if let Some(response) = &response {
                    self.revocation_log(response)?;
                }
                self.ask_again_if_lapsed();
                Ok(())
            }
            Purpose::BlobCreate(blob)
            | Purpose::BlobOffset(blob)
            | Purpose::BlobPatch(blob)
            | Purpose::BlobFetch(blob) => self.blob_answered(purpose, blob, response),
        }
    }
}
