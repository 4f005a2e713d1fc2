// swift-tools-version:6.0

import PackageDescription

let package = Package(
    name: "RelaisCore",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "RelaisCore", targets: ["RelaisCore"])],
    targets: [
        .binaryTarget(name: "RelaisCoreFFI", path: "RelaisCoreFFI.xcframework"),
        // Generated and hand-written sources are one module: what is generated needs no second import.
        .target(name: "RelaisCore", dependencies: ["RelaisCoreFFI"], path: "Sources"),
        .testTarget(name: "RelaisCoreTests", dependencies: ["RelaisCore"]),
    ]
)
