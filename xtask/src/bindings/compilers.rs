//! C compilers for targets whose own this machine lacks: small scripts around zig, which brings headers for many.
//!
//! What they compile is for musl and macOS instead of Android and iOS: enough to check the Rust around it, of no other use.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    folders,
    run::{self, Outcome},
    setup,
};

/// The version that was seen to work.
pub const ZIG: &str = "ziglang==0.17.1";

/// The folder with the scripts.
pub struct Compilers {
    folder: PathBuf,
}

/// Whether zig can be started.
pub fn has_zig() -> bool {
    run::succeeds(python().args(["-m", "ziglang", "version"]))
}

/// The Python of the test tools if there is one, else that of the machine.
fn python() -> Command {
    setup::program("python3")
}

impl Compilers {
    /// Writes what all targets need into a folder.
    pub fn write(folder: PathBuf) -> Outcome<Self> {
        folders::empty(&folder)?;
        let compilers = Self { folder };
        for tool in ["ar", "ranlib"] {
            compilers.script(tool, &format!("exec {} \"$@\"\n", zig(tool)))?;
        }
        Ok(compilers)
    }

    /// Tells build scripts which compiler makes the C of a target; `zig_target` is zig's nearest name for it.
    pub fn tell(&self, command: &mut Command, target: &str, zig_target: &str) -> Outcome {
        let name = format!("{target}-cc");
        self.script(&name, &compiler(zig_target))?;
        let suffix = target.replace('-', "_");
        for (variable, tool) in [("CC", name.as_str()), ("AR", "ar"), ("RANLIB", "ranlib")] {
            command.env(format!("{variable}_{suffix}"), self.folder.join(tool));
        }
        Ok(())
    }

    /// A folder with an `xcrun` that names an SDK with nothing in it, for a machine that is no Mac: build scripts
    /// ask for the SDK's path and go on only with one that looks like Apple's.
    pub fn xcrun(&self) -> Outcome<PathBuf> {
        let sdk = self.folder.join("Developer/SDKs/iPhoneOS.sdk");
        fs::create_dir_all(&sdk).map_err(|error| folders::failed("make", &sdk, &error))?;
        self.script("apple/xcrun", &format!("echo {}\n", quoted(&sdk)))?;
        Ok(self.folder.join("apple"))
    }

    fn script(&self, name: &str, body: &str) -> Outcome {
        let file = self.folder.join(name);
        write_script(&file, body).map_err(|error| folders::failed("write", &file, &error))
    }
}

/// Writes a script that can be started.
fn write_script(file: &Path, body: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, format!("#!/bin/sh\n{body}"))?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

/// A compiler for a target of zig. It leaves out what names another target, or what zig does not take.
fn compiler(zig_target: &str) -> String {
    format!(
        r#"skip=
for word; do
  shift
  if [ "$skip" ]; then
    skip=
    continue
  fi
  case "$word" in
    -isysroot | -arch) skip=yes ;;
    --target=* | -march=* | -mfpu=* | -mfloat-abi=* | -mthumb | -mios* | -miphone*) ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec {} -target {zig_target} "$@"
"#,
        zig("cc")
    )
}

fn zig(tool: &str) -> String {
    let python = python();
    let python = quoted(Path::new(python.get_program()));
    format!("{python} -m ziglang {tool}")
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folders::testing::Scratch;

    /// What the compiler's script hands on of these arguments.
    fn handed_on(args: &[&str]) -> String {
        let scratch = Scratch::new("compiler");
        let file = scratch.0.join("cc");
        let told = compiler("arm-linux-musleabi").replace(&zig("cc"), "echo");
        write_script(&file, &told).expect("written");
        run::output(run::program("sh").arg(&file).args(args)).expect("run")
    }

    #[test]
    fn a_compiler_hears_of_one_target_and_keeps_every_other_word() {
        let apple = ["-arch", "arm64", "-isysroot", "/a b", "-O2", "a b.c"];
        assert_eq!(handed_on(&apple), "-target arm-linux-musleabi -O2 a b.c\n");
        let android = ["--target=armv7a", "-march=armv7-a", "-mthumb", "-DX=-march"];
        assert_eq!(
            handed_on(&android),
            "-target arm-linux-musleabi -DX=-march\n"
        );
    }

    #[test]
    fn build_scripts_are_told_of_a_compiler_by_the_name_of_the_target() {
        let scratch = Scratch::new("compilers");
        let compilers = Compilers::write(scratch.0.join("bin")).expect("written");
        let mut command = run::program("true");
        compilers
            .tell(&mut command, "aarch64-apple-ios", "aarch64-macos")
            .expect("told");
        let told = command
            .get_envs()
            .find(|(name, _)| *name == "CC_aarch64_apple_ios")
            .and_then(|(_, value)| value)
            .expect("a compiler");
        assert!(Path::new(told).is_file());
    }

    #[test]
    fn the_sdk_of_a_machine_without_one_looks_like_one() {
        let scratch = Scratch::new("xcrun");
        let compilers = Compilers::write(scratch.0.join("it's")).expect("written");
        let xcrun = compilers.xcrun().expect("written").join("xcrun");
        let sdk = run::output(run::program("sh").arg(xcrun).arg("--show-sdk-path")).expect("run");
        assert!(sdk.trim().ends_with("/SDKs/iPhoneOS.sdk"));
        assert!(Path::new(sdk.trim()).is_dir());
    }

    #[test]
    fn a_path_stays_one_word_of_a_shell() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
