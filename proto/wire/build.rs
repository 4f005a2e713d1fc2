//! Compiles the schema with protox: no protoc is needed.

fn main() {
    println!("cargo:rerun-if-changed=proto/wire.proto");
    let files = protox::compile(["proto/wire.proto"], ["proto"]).expect("wire.proto compiles");
    prost_build::Config::new()
        .bytes(["."])
        .compile_fds(files)
        .expect("wire.proto generates");
}
