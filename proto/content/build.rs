//! Compiles the schema with protox: no protoc is needed.

fn main() {
    println!("cargo:rerun-if-changed=proto/content.proto");
    let files =
        protox::compile(["proto/content.proto"], ["proto"]).expect("content.proto compiles");
    prost_build::Config::new()
        .bytes(["."])
        .compile_fds(files)
        .expect("content.proto generates");
}
