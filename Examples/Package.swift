// swift-tools-version: 6.1
import PackageDescription

/// A package of its own, so that users of the library never build the examples.
let package = Package(
    name: "ApusExamples",
    products: [
        .executable(name: "digits", targets: ["digits"]),
        .executable(name: "joint-training", targets: ["joint-training"]),
        .executable(name: "embed", targets: ["embed"]),
        .executable(name: "generate", targets: ["generate"]),
        .executable(name: "detect", targets: ["detect"]),
        .executable(name: "run-program", targets: ["run-program"]),
        // For the benchmarks, which measure the same model and print the same kind of table.
        .library(name: "DigitsModel", targets: ["DigitsModel"]),
        .library(name: "Console", targets: ["Console"]),
    ],
    dependencies: [
        .package(name: "Apus", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        .target(name: "Console"),
        .target(name: "DigitsModel", dependencies: [.product(name: "Apus", package: "Apus")]),
        .executableTarget(
            name: "digits",
            dependencies: [
                "Console", "DigitsModel",
                .product(name: "Apus", package: "Apus"),
                .product(name: "ApusData", package: "Apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "joint-training", dependencies: ["Console", .product(name: "Apus", package: "Apus")]),
        .target(
            name: "SentenceModel", dependencies: [.product(name: "Apus", package: "Apus"), .product(name: "ApusData", package: "Apus")]),
        .executableTarget(
            name: "embed",
            dependencies: [
                "Console", "SentenceModel",
                .product(name: "Apus", package: "Apus"),
                .product(name: "ApusData", package: "Apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "generate",
            dependencies: [
                "Console",
                .product(name: "Apus", package: "Apus"),
                .product(name: "ApusData", package: "Apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "detect",
            dependencies: [
                "Console",
                .product(name: "Apus", package: "Apus"),
                .product(name: "ApusImages", package: "Apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "run-program", dependencies: [.product(name: "ApusRun", package: "Apus")]),
    ],
    swiftLanguageModes: [.v6]
)
