//! What ships to iOS: an XCFramework for devices and simulators, and a Swift package around it.
//!
//! Nobody has run this on a Mac yet: the layouts are tested, what Apple's tools make of them is not.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Language, prepared, private};
use crate::{
    folders,
    needs::Needs,
    run::{self, Outcome},
    setup::Purpose,
};

/// A kind of device or simulator: Rust's name of the target, clang's, and Xcode's name of the SDK.
pub struct Slice {
    pub target: &'static str,
    pub clang: &'static str,
    pub sdk: &'static str,
}

const DEVICE: Slice = Slice {
    target: "aarch64-apple-ios",
    clang: "arm64-apple-ios16.0",
    sdk: "iphoneos",
};
const SIMULATORS: [Slice; 2] = [
    Slice {
        target: "aarch64-apple-ios-sim",
        clang: "arm64-apple-ios16.0-simulator",
        sdk: "iphonesimulator",
    },
    Slice {
        target: "x86_64-apple-ios",
        clang: "x86_64-apple-ios16.0-simulator",
        sdk: "iphonesimulator",
    },
];
/// The platform of `mobile-bindings/swift/Package.swift`.
const IOS: &str = "16.0";
const LIBRARY: &str = "librelais_mobile.a";
/// The module of the generated header, and the folder that keeps it apart from those of other libraries.
const FFI: &str = "RelaisCoreFFI";
const MODULE: &str = "RelaisCore";

/// `cargo xtask bindings ios`.
pub fn command() -> Outcome {
    needs().met("the build for iOS")?;
    prepared(Language::Swift, Purpose::Build)?;
    let generated = Language::Swift.folder();
    let work = run::target_dir().join("bindings/ios-build");
    folders::empty(&work)?;
    let headers = work.join("headers");
    lay_out_headers(&generated, &headers)?;
    let header = headers.join(FFI).join(format!("{FFI}.h"));
    let device = build(&DEVICE, &header, &work)?;
    let simulators = SIMULATORS
        .iter()
        .map(|slice| build(slice, &header, &work))
        .collect::<Outcome<Vec<_>>>()?;
    let simulator = join(&simulators, &work)?;
    let framework = work.join(format!("{FFI}.xcframework"));
    wrap(&[device, simulator], &headers, &framework)?;
    let package = run::target_dir().join("bindings/ios");
    Parts {
        committed: run::root().join("mobile-bindings/swift"),
        generated,
        framework,
    }
    .lay_out(&package)?;
    println!(
        "{} is a Swift package: add it to an app in Xcode, or test it there with `xcodebuild test -scheme {MODULE} \
         -destination 'platform=iOS Simulator,name=NAME'`.",
        run::short(&package)
    );
    Ok(())
}

fn needs() -> Needs {
    let mut needs = Needs::default();
    needs.unless(
        cfg!(target_os = "macos"),
        "macOS",
        "run it on a Mac: nothing else has the SDK of iOS",
    );
    needs.unless(
        run::succeeds(run::program("xcodebuild").arg("-version")),
        "Xcode",
        "install it from the App Store, then `sudo xcode-select -s /Applications/Xcode.app`",
    );
    needs.unless(
        run::in_path("lipo"),
        "lipo",
        "it comes with Xcode's command line tools: xcode-select --install",
    );
    needs.rust_targets(&[DEVICE.target, SIMULATORS[0].target, SIMULATORS[1].target]);
    needs
}

/// Builds the library of a slice; what is returned shows nothing but what Swift calls.
fn build(slice: &Slice, header: &Path, work: &Path) -> Outcome<PathBuf> {
    let mut cargo = run::cargo(&["build", "--release", "--locked", "-p", "relais-mobile"]);
    cargo.args(["--target", slice.target]);
    cargo.env("IPHONEOS_DEPLOYMENT_TARGET", IOS);
    run::run(&mut cargo)?;
    let built = run::target_dir()
        .join(slice.target)
        .join("release")
        .join(LIBRARY);
    private::hide(&built, slice, header, &work.join(slice.target))
}

/// One library for simulators on both kinds of Mac.
fn join(libraries: &[PathBuf], work: &Path) -> Outcome<PathBuf> {
    let joined = work.join("simulator").join(LIBRARY);
    folders::empty(&work.join("simulator"))?;
    let mut lipo = run::program("lipo");
    lipo.arg("-create").args(libraries);
    lipo.arg("-output").arg(&joined);
    run::run(&mut lipo)?;
    Ok(joined)
}

fn wrap(libraries: &[PathBuf], headers: &Path, framework: &Path) -> Outcome {
    let mut xcodebuild = run::program("xcodebuild");
    xcodebuild.arg("-create-xcframework");
    for library in libraries {
        xcodebuild.arg("-library").arg(library);
        xcodebuild.arg("-headers").arg(headers);
    }
    run::run(xcodebuild.arg("-output").arg(framework))
}

/// The header and its module map, in the folder and under the name by which clang finds them.
fn lay_out_headers(generated: &Path, headers: &Path) -> Outcome {
    for (from, to) in [
        (format!("{FFI}.h"), format!("{FFI}.h")),
        (format!("{FFI}.modulemap"), "module.modulemap".to_owned()),
    ] {
        folders::copy_file(&generated.join(from), &headers.join(FFI).join(to))?;
    }
    Ok(())
}

/// What the Swift package is made of.
struct Parts {
    /// What is committed: `Package.swift`, and hand-written `Sources/Relais…` and `Tests`, which may be missing.
    committed: PathBuf,
    /// The generated Swift, with its header.
    generated: PathBuf,
    framework: PathBuf,
}

impl Parts {
    /// Puts the package together; nothing stays of what was in the folder.
    fn lay_out(&self, out: &Path) -> Outcome {
        let sources = out.join("Sources").join(MODULE);
        folders::empty(out)?;
        folders::copy_file(
            &self.committed.join("Package.swift"),
            &out.join("Package.swift"),
        )?;
        for written in self.written()? {
            folders::copy(&written, &sources)?;
        }
        folders::copy_if_there(&self.committed.join("Tests"), &out.join("Tests"))?;
        let source = format!("{MODULE}.swift");
        folders::copy_file(&self.generated.join(&source), &sources.join(&source))?;
        folders::copy(&self.framework, &out.join(format!("{FFI}.xcframework")))
    }

    /// The folders of hand-written sources: they become one module with the generated ones.
    fn written(&self) -> Outcome<Vec<PathBuf>> {
        let sources = self.committed.join("Sources");
        if !sources.is_dir() {
            return Ok(Vec::new());
        }
        let entries = fs::read_dir(&sources)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| folders::failed("read", &sources, &error))?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("Relais"))
            .map(|entry| entry.path())
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        folders::testing::{Scratch, files},
        *,
    };

    fn parts(scratch: &Scratch) -> Parts {
        scratch.write("committed/Package.swift");
        scratch.write("generated/RelaisCore.swift");
        scratch.write("generated/RelaisCoreFFI.h");
        scratch.write("generated/RelaisCoreFFI.modulemap");
        scratch.write("framework/Info.plist");
        let folder = |name: &str| scratch.0.join(name);
        Parts {
            committed: folder("committed"),
            generated: folder("generated"),
            framework: folder("framework"),
        }
    }

    #[test]
    fn the_package_is_laid_out_without_hand_written_sources() {
        let scratch = Scratch::new("ios");
        let out = scratch.0.join("out");
        parts(&scratch).lay_out(&out).expect("laid out");
        assert_eq!(
            files(&out),
            [
                "Package.swift",
                "RelaisCoreFFI.xcframework/Info.plist",
                "Sources/RelaisCore/RelaisCore.swift",
            ]
        );
    }

    #[test]
    fn hand_written_sources_become_one_module_with_the_generated_ones() {
        let scratch = Scratch::new("ios-written");
        scratch.write("committed/Sources/RelaisCore/Keychain.swift");
        scratch.write("committed/Sources/Other/Not.swift");
        scratch.write("committed/Tests/RelaisCoreTests/KeychainTests.swift");
        scratch.write("out/Sources/RelaisCore/Old.swift");
        let out = scratch.0.join("out");
        parts(&scratch).lay_out(&out).expect("laid out");
        assert_eq!(
            files(&out.join("Sources")),
            ["RelaisCore/Keychain.swift", "RelaisCore/RelaisCore.swift"]
        );
        assert_eq!(
            files(&out.join("Tests")),
            ["RelaisCoreTests/KeychainTests.swift"]
        );
    }

    #[test]
    fn headers_lie_where_clang_looks_for_the_module() {
        let scratch = Scratch::new("ios-headers");
        let headers = scratch.0.join("headers");
        lay_out_headers(&parts(&scratch).generated, &headers).expect("laid out");
        assert_eq!(
            files(&headers),
            [
                "RelaisCoreFFI/RelaisCoreFFI.h",
                "RelaisCoreFFI/module.modulemap",
            ]
        );
    }

    #[test]
    fn the_committed_package_names_what_is_laid_out() {
        let package = run::root().join("mobile-bindings/swift/Package.swift");
        let package = fs::read_to_string(package).expect("Package.swift");
        for named in [
            format!("path: \"{FFI}.xcframework\""),
            format!("path: \"Sources/{MODULE}\""),
            format!(".iOS(.v{})", IOS.trim_end_matches(".0")),
        ] {
            assert!(package.contains(&named), "{named}");
        }
        let oldest = format!("-apple-ios{IOS}");
        for slice in SIMULATORS.iter().chain([&DEVICE]) {
            assert!(slice.clang.contains(&oldest), "{}", slice.clang);
        }
    }
}
