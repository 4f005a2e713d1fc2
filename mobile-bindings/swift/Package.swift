// swift-tools-version: 6.0

import PackageDescription

let package = Package(
    name: "RelaisCore",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "RelaisCore", targets: ["RelaisCore"])],
    targets: [
        .binaryTarget(name: "RelaisCoreFFI", path: "RelaisCoreFFI.xcframework"),
        .target(name: "RelaisCore", dependencies: ["RelaisCoreFFI"], path: "Sources/RelaisCore"),
        .testTarget(name: "RelaisCoreTests", dependencies: ["RelaisCore"], path: "Tests/RelaisCoreTests"),
    ]
)
