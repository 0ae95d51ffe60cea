// swift-tools-version: 6.1
import PackageDescription

/// A package of its own, so that users of the library never build the benchmarks.
let package = Package(
    name: "ApusBenchmarks",
    dependencies: [
        .package(name: "Apus", path: ".."),
        .package(name: "ApusExamples", path: "../Examples"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        .executableTarget(
            name: "apus-bench",
            dependencies: [
                .product(name: "Apus", package: "Apus"),
                .product(name: "Console", package: "ApusExamples"),
                .product(name: "DigitsModel", package: "ApusExamples"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "operator-times",
            dependencies: [
                .product(name: "Apus", package: "Apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
    ],
    swiftLanguageModes: [.v6]
)
