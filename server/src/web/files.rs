//! The files of the web app, as they were when this program was compiled.

use std::sync::OnceLock;

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};

include!(concat!(env!("OUT_DIR"), "/web_files.rs"));

/// A file of the web app, and the same compressed where that was worth it.
pub struct File {
    /// Where it is served, from the root: `/index.html`.
    pub path: &'static str,
    /// As it is.
    pub bytes: &'static [u8],
    /// Compressed with Brotli.
    pub brotli: Option<&'static [u8]>,
    /// Compressed with gzip.
    pub gzip: Option<&'static [u8]>,
    etag: OnceLock<HeaderValue>,
}

impl File {
    /// A file and its compressed forms.
    pub const fn new(
        path: &'static str,
        bytes: &'static [u8],
        brotli: Option<&'static [u8]>,
        gzip: Option<&'static [u8]>,
    ) -> Self {
        Self {
            path,
            bytes,
            brotli,
            gzip,
            etag: OnceLock::new(),
        }
    }

    /// Names the content, whatever it is compressed with: weak in the sense of RFC 9110 §8.8.1.
    pub(super) fn etag(&self) -> &HeaderValue {
        self.etag.get_or_init(|| {
            let digest = hex::encode(&Sha256::digest(self.bytes)[..16]);
            HeaderValue::try_from(format!("W/\"{digest}\""))
                .unwrap_or_else(|_| HeaderValue::from_static("W/\"\""))
        })
    }

    pub(super) fn content_type(&self) -> &'static str {
        match self.path.rsplit('.').next().unwrap_or_default() {
            "html" => "text/html; charset=utf-8",
            "js" | "mjs" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "json" | "map" => "application/json",
            "webmanifest" => "application/manifest+json",
            "wasm" => "application/wasm",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "webp" => "image/webp",
            "ico" => "image/x-icon",
            "woff2" => "font/woff2",
            "txt" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

/// The web app in this program; empty when it was compiled without.
pub fn built() -> &'static [File] {
    &BUILT
}

/// The file at exactly this path. There is no folder to climb out of.
pub(super) fn find(files: &'static [File], path: &str) -> Option<&'static File> {
    files.iter().find(|file| file.path == path)
}
