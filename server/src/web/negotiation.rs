//! What a browser takes, and what it has already (RFC 9110 §12.5 and §13.1.2).

use axum::http::header::{ACCEPT, ACCEPT_ENCODING, AsHeaderName, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue};

use super::File;

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Brotli,
    Gzip,
    Identity,
}

impl Encoding {
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Identity => "identity",
        }
    }
}

/// The smallest form of a file that the other side takes.
pub fn preferred(file: &File, headers: &HeaderMap) -> (Encoding, &'static [u8]) {
    let compressed = [(Encoding::Brotli, file.brotli), (Encoding::Gzip, file.gzip)];
    let taken = compressed.into_iter().find_map(|(encoding, bytes)| {
        Some((encoding, bytes?)).filter(|_| takes(headers, encoding.name()))
    });
    taken.unwrap_or((Encoding::Identity, file.bytes))
}

/// Whether an encoding is accepted by its name, or else by `*`.
fn takes(headers: &HeaderMap, encoding: &str) -> bool {
    let weight = |name: &str| {
        items(headers, ACCEPT_ENCODING)
            .map(weighted)
            .find(|(item, _)| item.eq_ignore_ascii_case(name))
            .map(|(_, taken)| taken)
    };
    weight(encoding).or_else(|| weight("*")).unwrap_or(false)
}

/// Whether a page is what is asked for. A script or an image takes anything (`*/*`) and must not get one.
pub fn accepts_html(headers: &HeaderMap) -> bool {
    let html =
        |item| matches!(weighted(item), (kind, true) if kind.eq_ignore_ascii_case("text/html"));
    items(headers, ACCEPT).any(html)
}

/// Whether the other side has this content.
pub fn is_current(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
    let Ok(ours) = etag.to_str().map(opaque) else {
        return false;
    };
    items(headers, IF_NONE_MATCH).any(|item| item == "*" || opaque(item) == ours)
}

fn items(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter();
    let lines = lines.filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// An item without its parameters, and whether its weight is above nothing.
fn weighted(item: &str) -> (&str, bool) {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let refused = |part: &str| {
        let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
        weight.is_some_and(|w| w.parse::<f32>().is_ok_and(|w| w <= 0.0))
    };
    (name, !parts.any(refused))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(accept_encoding: Option<&'static str>) -> Encoding {
        static FILE: File = File::new("/a.js", b"plain", Some(b"br"), Some(b"gz"));
        let value = accept_encoding.map(|v| (ACCEPT_ENCODING, HeaderValue::from_static(v)));
        let (encoding, bytes) = preferred(&FILE, &value.into_iter().collect());
        let expected: &[u8] = match encoding {
            Encoding::Brotli => b"br",
            Encoding::Gzip => b"gz",
            Encoding::Identity => b"plain",
        };
        assert_eq!(bytes, expected);
        encoding
    }

    #[test]
    fn a_browser_gets_the_smallest_form_that_it_takes() {
        assert_eq!(sent(Some("gzip, deflate, br, zstd")), Encoding::Brotli);
        assert_eq!(sent(Some("GZIP")), Encoding::Gzip);
        assert_eq!(sent(Some("br;q=0, *")), Encoding::Gzip);
        assert_eq!(sent(Some("*")), Encoding::Brotli);
        assert_eq!(sent(Some("*;q=0")), Encoding::Identity);
        assert_eq!(sent(Some("br;q=0.000, gzip;q=0.1")), Encoding::Gzip);
        for neither in [
            None,
            Some(""),
            Some("identity"),
            Some("zstd"),
            Some("brotli"),
        ] {
            assert_eq!(sent(neither), Encoding::Identity, "{neither:?}");
        }
    }

    #[test]
    fn a_file_that_was_not_compressed_goes_as_it_is() {
        static FILE: File = File::new("/a.png", b"plain", None, None);
        let all = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip"))]);
        assert_eq!(preferred(&FILE, &all), (Encoding::Identity, FILE.bytes));
    }

    #[test]
    fn only_who_asks_for_a_page_gets_one() {
        let asks = |accept: &'static str| {
            accepts_html(&HeaderMap::from_iter([(
                ACCEPT,
                HeaderValue::from_static(accept),
            )]))
        };
        assert!(asks(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(!asks("*/*") && !asks("image/avif,image/webp,*/*") && !asks("text/html;q=0"));
        assert!(!accepts_html(&HeaderMap::new()));
    }

    #[test]
    fn content_is_recognised_among_others_however_strong_its_tag() {
        let etag = HeaderValue::from_static("W/\"ab\"");
        let current = |tag: &'static str| {
            let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(tag))]);
            is_current(&headers, &etag)
        };
        assert!(
            current("W/\"ab\"") && current("\"ab\"") && current("\"x\", \"ab\"") && current("*")
        );
        assert!(!current("\"a\"") && !current("ab") && !current(""));
    }
}
