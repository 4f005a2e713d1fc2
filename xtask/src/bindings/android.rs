//! What ships to Android: the library for each kind of processor, linked for pages of 16 KiB, and a Gradle project
//! around it that makes an AAR.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{Language, elf, prepared};
use crate::{
    folders,
    needs::Needs,
    run::{self, Failure, Outcome},
    setup::{self, Purpose},
};

/// A kind of processor: Android's name of it, and Rust's name of the target.
struct Abi {
    name: &'static str,
    target: &'static str,
    /// Whether Android may load it into pages of 16 KiB.
    large_pages: bool,
}

const ABIS: [Abi; 3] = [
    Abi {
        name: "arm64-v8a",
        target: "aarch64-linux-android",
        large_pages: true,
    },
    Abi {
        name: "armeabi-v7a",
        target: "armv7-linux-androideabi",
        large_pages: false,
    },
    Abi {
        name: "x86_64",
        target: "x86_64-linux-android",
        large_pages: true,
    },
];

/// The `minSdk` of `mobile-bindings/android/build.gradle.kts`.
const API_LEVEL: &str = "28";
const LIBRARY: &str = "librelais_mobile.so";
const PAGE: u64 = 16 * 1024;
const LARGE_PAGES: &str = "-C link-arg=-Wl,-z,max-page-size=16384";

/// `cargo xtask bindings android`.
pub fn command() -> Outcome {
    needs().met("the build for Android")?;
    setup::ensure(Purpose::Build)?;
    let bindings = run::target_dir().join("bindings");
    let libraries = bindings.join("jniLibs");
    folders::empty(&libraries)?;
    build(&libraries)?;
    verify(&libraries)?;
    prepared(Language::Kotlin, Purpose::Build)?;
    let project = bindings.join("android");
    Parts {
        project: run::root().join("mobile-bindings/android"),
        generated: Language::Kotlin.folder(),
        written: run::root().join("mobile-bindings/kotlin/src/main"),
        libraries,
    }
    .lay_out(&project)?;
    assemble(&project)
}

fn needs() -> Needs {
    let mut needs = Needs::default();
    needs.unless(
        run::succeeds(&mut run::cargo(&["ndk", "--version"])),
        "cargo-ndk",
        "cargo install --locked cargo-ndk",
    );
    needs.unless(
        ["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"]
            .into_iter()
            .filter_map(env::var_os)
            .any(|folder| is_ndk(Path::new(&folder))),
        "the Android NDK",
        "install r28 or newer with Android Studio's SDK manager, and let ANDROID_NDK_HOME name its folder",
    );
    needs.rust_targets(&ABIS.map(|abi| abi.target));
    needs
}

/// Whether a folder is that of an NDK, and not the one that holds several.
fn is_ndk(folder: &Path) -> bool {
    folder.join("source.properties").is_file() && folder.join("toolchains").is_dir()
}

/// Builds the library for each kind of processor, with its symbols, each in a folder of Android's name.
fn build(libraries: &Path) -> Outcome {
    let mut ndk = run::cargo(&["ndk", "--platform", API_LEVEL]);
    for abi in &ABIS {
        ndk.args(["-t", abi.name]);
        if abi.large_pages {
            ndk.env(rustflags(abi.target), LARGE_PAGES);
        }
    }
    ndk.arg("-o").arg(libraries);
    ndk.args(["build", "--release", "--locked", "-p", "relais-mobile"]);
    run::run(&mut ndk)
}

/// The variable with the flags of one target alone.
fn rustflags(target: &str) -> String {
    let target = target.to_uppercase().replace('-', "_");
    format!("CARGO_TARGET_{target}_RUSTFLAGS")
}

/// Refuses a library that is missing, or that Android could not load into pages of 16 KiB.
fn verify(libraries: &Path) -> Outcome {
    for abi in &ABIS {
        let path = libraries.join(abi.name).join(LIBRARY);
        let file = fs::read(&path).map_err(|error| folders::failed("read", &path, &error))?;
        if abi.large_pages {
            fits_large_pages(&file)
                .map_err(|why| Failure(format!("{} {why}", run::short(&path))))?;
        }
    }
    Ok(())
}

fn fits_large_pages(file: &[u8]) -> Result<(), String> {
    let narrow = elf::load_alignments(file)?
        .into_iter()
        .find(|alignment| alignment % PAGE != 0 || *alignment == 0);
    match narrow {
        None => Ok(()),
        Some(alignment) => Err(format!(
            "has a segment aligned to {alignment} bytes, and pages of 16 KiB need {PAGE}"
        )),
    }
}

/// The folders that the Gradle project is made of.
struct Parts {
    /// What is committed of the project itself.
    project: PathBuf,
    /// The generated Kotlin.
    generated: PathBuf,
    /// The hand-written Kotlin, as `src/main` of a project; may be missing.
    written: PathBuf,
    /// The libraries, in a folder for each kind of processor.
    libraries: PathBuf,
}

impl Parts {
    /// Puts the Gradle project together; nothing stays of what was in the folder.
    fn lay_out(&self, out: &Path) -> Outcome {
        let main = out.join("src/main");
        folders::empty(out)?;
        folders::copy(&self.project, out)?;
        folders::copy_if_there(&self.written, &main)?;
        folders::copy(&self.generated, &main.join("kotlin"))?;
        folders::copy(&self.libraries, &main.join("jniLibs"))
    }
}

/// Makes the AAR where Gradle is installed, and else says how.
fn assemble(project: &Path) -> Outcome {
    if run::in_path("gradle") {
        let mut gradle = run::program("gradle");
        gradle.arg("assembleRelease").current_dir(project);
        run::run(&mut gradle)?;
        println!(
            "{} has the AAR.",
            run::short(&project.join("build/outputs/aar"))
        );
        return Ok(());
    }
    println!(
        "{} is a Gradle project: run `gradle assembleRelease` there, or open it in Android Studio.",
        run::short(project)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        folders::testing::{Scratch, files},
        *,
    };

    fn parts(scratch: &Scratch) -> Parts {
        scratch.write("project/build.gradle.kts");
        scratch.write("project/src/main/AndroidManifest.xml");
        scratch.write("generated/eu/relais/core/relais_mobile.kt");
        scratch.write("libraries/arm64-v8a/librelais_mobile.so");
        let folder = |name: &str| scratch.0.join(name);
        Parts {
            project: folder("project"),
            generated: folder("generated"),
            written: folder("written"),
            libraries: folder("libraries"),
        }
    }

    #[test]
    fn the_project_is_whole_without_hand_written_sources() {
        let scratch = Scratch::new("android");
        let out = scratch.0.join("out");
        parts(&scratch).lay_out(&out).expect("laid out");
        assert_eq!(
            files(&out),
            [
                "build.gradle.kts",
                "src/main/AndroidManifest.xml",
                "src/main/jniLibs/arm64-v8a/librelais_mobile.so",
                "src/main/kotlin/eu/relais/core/relais_mobile.kt",
            ]
        );
    }

    #[test]
    fn hand_written_sources_lie_beside_the_generated_ones_and_nothing_old_stays() {
        let scratch = Scratch::new("android-written");
        scratch.write("written/kotlin/eu/relais/core/Keystore.kt");
        scratch.write("out/src/main/jniLibs/x86/librelais_mobile.so");
        let out = scratch.0.join("out");
        parts(&scratch).lay_out(&out).expect("laid out");
        assert_eq!(
            files(&out.join("src/main/kotlin/eu/relais/core")),
            ["Keystore.kt", "relais_mobile.kt"]
        );
        assert_eq!(
            files(&out.join("src/main/jniLibs")),
            ["arm64-v8a/librelais_mobile.so"]
        );
    }

    #[test]
    fn a_project_without_its_libraries_is_refused() {
        let scratch = Scratch::new("android-missing");
        let parts = parts(&scratch);
        fs::remove_dir_all(&parts.libraries).expect("removed");
        let Err(failure) = parts.lay_out(&scratch.0.join("out")) else {
            panic!("an app would not start")
        };
        assert!(failure.to_string().contains("libraries"), "{failure}");
    }

    #[test]
    fn the_committed_project_is_built_for_the_api_level_of_the_libraries() {
        let project = run::root().join("mobile-bindings/android");
        let script = fs::read_to_string(project.join("build.gradle.kts")).expect("the script");
        assert!(script.contains(&format!("minSdk = {API_LEVEL}\n")));
        let manifest =
            fs::read_to_string(project.join("src/main/AndroidManifest.xml")).expect("the manifest");
        let asked: Vec<_> = manifest
            .split("android.permission.")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(asked, ["INTERNET", "ACCESS_NETWORK_STATE"]);
    }

    #[test]
    fn the_flags_of_a_target_are_in_a_variable_of_its_own() {
        assert_eq!(
            rustflags("aarch64-linux-android"),
            "CARGO_TARGET_AARCH64_LINUX_ANDROID_RUSTFLAGS"
        );
    }

    #[test]
    fn a_library_for_small_pages_is_refused() {
        let aligned = |alignment| fits_large_pages(&elf::testing::library(&[(1, alignment)]));
        assert_eq!(aligned(PAGE), Ok(()));
        assert_eq!(aligned(4 * PAGE), Ok(()));
        for narrow in [0, 1, 0x1000, PAGE + 1] {
            assert!(aligned(narrow).is_err(), "{narrow}");
        }
        assert!(fits_large_pages(b"not a library").is_err());
    }
}
