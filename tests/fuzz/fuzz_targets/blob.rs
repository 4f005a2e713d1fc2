//! Sealed blobs as a server hands them out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use relais_fuzz::blob::{ciphertext_len, open, seal};

const KEY: [u8; 32] = [7; 32];
const AAD: &[u8] = b"blob";

fuzz_target!(|data: &[u8]| {
    assert!(
        open(&KEY, AAD, data).is_err(),
        "nobody seals without the key"
    );
    let sealed = seal(&KEY, AAD, data);
    assert_eq!(sealed.len() as u64, ciphertext_len(data.len() as u64));
    assert_eq!(open(&KEY, AAD, &sealed).as_deref(), Ok(data));
    // Altered at a place that the input chooses, or cut there.
    let at = data.first().map_or(0, |b| usize::from(*b)) % sealed.len();
    let mut altered = sealed.clone();
    altered[at] ^= 1;
    assert!(open(&KEY, AAD, &altered).is_err());
    assert!(open(&KEY, AAD, &sealed[..at]).is_err());
});
