//! The operating system's chance, replaced for this process: each thread draws the same
//! bytes in every run. Only for programs that simulate; they hold no secret.
//!
//! The standard library takes the order of each `HashMap` from there, and OpenMLS puts
//! the Removes of a commit in the order of one: without this a seed would not repeat the
//! bytes of such a commit. Works where `getrandom` is the C library's (Linux).

use std::cell::Cell;
use std::ffi::{c_uint, c_void};

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// SplitMix64 of a counter: evenly spread, so that nobody waits for another value.
fn next() -> u64 {
    let drawn = DRAWN.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    DRAWN.set(drawn);
    let mixed = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// See the module's head; as `getrandom(2)`, and never short.
///
/// # Safety
/// `buffer` is valid for writes of `length` bytes.
#[expect(unsafe_code, reason = "a function of the C library")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, _: c_uint) -> isize {
    // SAFETY: promised by the caller.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
    for piece in bytes.chunks_mut(8) {
        piece.copy_from_slice(&next().to_le_bytes()[..piece.len()]);
    }
    length.cast_signed()
}
