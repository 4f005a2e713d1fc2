//! Writes the JavaScript around the engine's WASM module: `relais-wasm-bindgen MODULE FOLDER`.
//! A crate of its own, so that nothing of this is in what ships, and `xtask` stays without dependencies.

use std::path::Path;
use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [module, folder] = &arguments[..] else {
        eprintln!("usage: relais-wasm-bindgen MODULE FOLDER");
        return ExitCode::FAILURE;
    };
    match bind(Path::new(module), Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relais-wasm-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// An ES module with its types that loads the WASM from an address that it is given. Names of functions and of the
/// tools are of no use to a browser and stay out.
fn bind(module: &Path, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    Bindgen::new()
        .input_path(module)
        .web(true)?
        .omit_default_module_path(true)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)?;
    Ok(())
}
