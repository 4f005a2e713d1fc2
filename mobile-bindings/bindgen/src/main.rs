//! Writes the Kotlin, Swift and Python sources of `relais-mobile` from its built library.
//! A crate of its own, so that nothing of this is in what ships.

fn main() {
    uniffi::uniffi_bindgen_main();
}
