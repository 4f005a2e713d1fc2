//! What a server, or anyone on the way, might do to a sealed blob.
#![expect(clippy::unwrap_used, reason = "a failed test may panic")]

use super::*;
use proptest::prelude::*;

const KEY: &[u8; 32] = &[7; 32];
const AAD: &[u8] = b"relais blob test\0photo-0000000001";

fn plaintext(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// Three chunks and a bit.
fn sealed() -> Vec<u8> {
    seal(KEY, AAD, &plaintext(3 * CHUNK_LEN + 100))
}

fn chunks(sealed: &[u8]) -> Vec<&[u8]> {
    sealed.chunks(SEALED_CHUNK_LEN).collect()
}

fn refused(chunk: u32) -> Result<Vec<u8>, BlobError> {
    Err(BlobError::NotAuthentic { chunk })
}

#[test]
fn sizes_around_a_chunk_come_back_and_have_the_announced_length() {
    for len in [
        0,
        1,
        CHUNK_LEN - 1,
        CHUNK_LEN,
        CHUNK_LEN + 1,
        2 * CHUNK_LEN,
        3 * CHUNK_LEN + 5,
    ] {
        let text = plaintext(len);
        let sealed = seal(KEY, AAD, &text);
        assert_eq!(sealed.len() as u64, ciphertext_len(len as u64), "{len}");
        assert_eq!(plaintext_len(sealed.len() as u64), Ok(len as u64));
        assert_eq!(open(KEY, AAD, &sealed), Ok(text));
    }
    assert_eq!(ciphertext_len(u64::MAX), u64::MAX);
}

#[test]
fn an_empty_blob_is_one_tag_and_no_bytes_are_not_a_blob() {
    assert_eq!(seal(KEY, AAD, b"").len(), TAG_LEN);
    assert_eq!(open(KEY, AAD, b""), Err(BlobError::Length));
    assert_eq!(open(KEY, AAD, &[0; TAG_LEN - 1]), Err(BlobError::Length));
}

#[test]
fn the_sealed_form_stays_what_earlier_versions_wrote() {
    assert_eq!(
        hex::encode(seal(KEY, AAD, b"wound, day 3")),
        "9e782678a2414620a3fd5971fa0923681f3c55c3c6ae1fd79f76d342"
    );
}

#[test]
fn a_stream_gives_the_same_bytes_as_memory() {
    let text = plaintext(2 * CHUNK_LEN + 10);
    let mut sealer = BlobSealer::new(KEY, AAD);
    let mut out = sealer.seal_next(&text[..CHUNK_LEN]).unwrap();
    out.extend(sealer.seal_next(&text[CHUNK_LEN..2 * CHUNK_LEN]).unwrap());
    out.extend(sealer.seal_last(&text[2 * CHUNK_LEN..]).unwrap());
    assert_eq!(out, seal(KEY, AAD, &text));

    let parts = chunks(&out);
    let mut opener = BlobOpener::new(KEY, AAD);
    assert_eq!(opener.open_next(parts[0]).unwrap(), &text[..CHUNK_LEN]);
    assert_eq!(opener.open_next(parts[2]), Err(BlobError::Length));
    assert_eq!(opener.open_next(parts[0]), refused(1));
    // A refused chunk does not spoil the download.
    assert_eq!(
        opener.open_next(parts[1]).unwrap(),
        &text[CHUNK_LEN..2 * CHUNK_LEN]
    );
    assert_eq!(opener.open_last(parts[2]).unwrap(), &text[2 * CHUNK_LEN..]);
}

#[test]
fn a_range_opens_without_what_comes_before() {
    let sealed = sealed();
    let parts = chunks(&sealed);
    let text = plaintext(3 * CHUNK_LEN + 100);
    let opener = BlobOpener::new(KEY, AAD);
    assert_eq!(
        opener.open_at(2, false, parts[2]).unwrap(),
        &text[2 * CHUNK_LEN..3 * CHUNK_LEN]
    );
    assert_eq!(
        opener.open_at(3, true, parts[3]).unwrap(),
        &text[3 * CHUNK_LEN..]
    );
    assert_eq!(opener.open_at(1, false, parts[2]), refused(1));
    assert_eq!(opener.open_at(2, true, parts[2]), refused(2));
}

#[test]
fn chunks_of_a_wrong_size_are_not_sealed() {
    let mut sealer = BlobSealer::new(KEY, AAD);
    assert_eq!(sealer.seal_next(&[0; 10]), Err(BlobError::Length));
    assert_eq!(
        sealer.seal_next(&[0; CHUNK_LEN + 1]),
        Err(BlobError::Length)
    );
    sealer.seal_next(&[0; CHUNK_LEN]).unwrap();
    assert_eq!(sealer.seal_last(b""), Err(BlobError::Length));
    assert_eq!(
        BlobSealer::new(KEY, AAD).seal_last(&[0; CHUNK_LEN + 1]),
        Err(BlobError::Length)
    );
}

#[test]
fn a_truncated_blob_does_not_open() {
    let sealed = sealed();
    // At a chunk's end, where every chunk that is left is itself whole.
    for kept in 1..=3 {
        let cut = &sealed[..kept * SEALED_CHUNK_LEN];
        assert_eq!(open(KEY, AAD, cut), refused(kept as u32 - 1));
    }
    assert_eq!(open(KEY, AAD, &sealed[..sealed.len() - 1]), refused(3));
    assert_eq!(
        open(KEY, AAD, &sealed[..3 * SEALED_CHUNK_LEN + 9]),
        Err(BlobError::Length)
    );
    assert_eq!(
        open(KEY, AAD, &sealed[..3 * SEALED_CHUNK_LEN + TAG_LEN]),
        Err(BlobError::Length)
    );
}

#[test]
fn bytes_after_the_end_do_not_open() {
    let mut longer = sealed();
    longer.push(0);
    assert_eq!(open(KEY, AAD, &longer), refused(3));
    // An end on the boundary followed by one more chunk, even an authentic one.
    let mut two_ends = seal(KEY, AAD, &plaintext(CHUNK_LEN));
    two_ends.extend(seal(KEY, AAD, b"more"));
    assert_eq!(open(KEY, AAD, &two_ends), refused(0));
    let mut last = seal(KEY, AAD, &plaintext(CHUNK_LEN));
    last.push(0);
    assert_eq!(open(KEY, AAD, &last), Err(BlobError::Length));
}

#[test]
fn reordered_swapped_doubled_or_missing_chunks_do_not_open() {
    let sealed = sealed();
    let c = chunks(&sealed);
    let join = |order: &[usize]| {
        order
            .iter()
            .flat_map(|i| c[*i].iter().copied())
            .collect::<Vec<_>>()
    };
    assert!(open(KEY, AAD, &join(&[0, 1, 2, 3])).is_ok());
    assert_eq!(open(KEY, AAD, &join(&[0, 2, 1, 3])), refused(1));
    assert_eq!(open(KEY, AAD, &join(&[1, 0, 2, 3])), refused(0));
    assert_eq!(open(KEY, AAD, &join(&[0, 0, 1, 2, 3])), refused(1));
    assert_eq!(open(KEY, AAD, &join(&[0, 1, 3])), refused(2));
    assert_eq!(open(KEY, AAD, &join(&[1, 2, 3])), refused(0));
    assert_eq!(open(KEY, AAD, &join(&[0, 1, 2, 2, 3])), refused(3));
}

#[test]
fn another_blobs_chunks_do_not_open_even_under_the_same_key() {
    let ours = sealed();
    let other = seal(
        KEY,
        b"relais blob test\0photo-0000000002",
        &plaintext(3 * CHUNK_LEN + 100),
    );
    let mut mixed = ours.clone();
    mixed[SEALED_CHUNK_LEN..2 * SEALED_CHUNK_LEN].copy_from_slice(chunks(&other)[1]);
    assert_eq!(open(KEY, AAD, &mixed), refused(1));
    assert_eq!(open(KEY, AAD, &other), refused(0));
    assert_eq!(open(&[8; 32], AAD, &ours), refused(0));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_blob_comes_back(
        chunks in 0_usize..3,
        around in -20_isize..20,
        key: [u8; 32],
        aad: Vec<u8>,
    ) {
        let text = plaintext((chunks * CHUNK_LEN).saturating_add_signed(around));
        let sealed = seal(&key, &aad, &text);
        prop_assert_eq!(sealed.len() as u64, ciphertext_len(text.len() as u64));
        prop_assert_eq!(open(&key, &aad, &sealed), Ok(text));
    }

    #[test]
    fn one_changed_bit_anywhere_is_noticed(
        len in 0_usize..CHUNK_LEN + 40,
        at: prop::sample::Index,
        bit in 0_u32..8,
    ) {
        let mut sealed = seal(KEY, AAD, &plaintext(len));
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        let chunk = (at / SEALED_CHUNK_LEN) as u32;
        prop_assert_eq!(open(KEY, AAD, &sealed), refused(chunk));
    }

    #[test]
    fn any_length_is_either_a_blobs_or_refused(len: u64) {
        if let Ok(text) = plaintext_len(len) {
            prop_assert_eq!(ciphertext_len(text), len);
        }
    }
}
