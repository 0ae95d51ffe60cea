// swift-tools-version: 6.1
import PackageDescription

/// A package of its own, so that users of the library resolve and build none of it, and need no MPI.
let package = Package(
    name: "ApusDistributed",
    products: [
        .library(name: "ApusDistributed", targets: ["ApusDistributed"]),
        // Beside the examples' own `digits`, which the package manager puts into the same folder.
        .executable(name: "distributed-digits", targets: ["distributed-digits"]),
        .executable(name: "communication", targets: ["communication"]),
    ],
    dependencies: [
        .package(name: "Apus", path: ".."),
        .package(name: "ApusExamples", path: "../Examples"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    ],
    targets: [
        .systemLibrary(name: "CMPI", path: "Modules/CMPI", pkgConfig: "mpi", providers: [.apt(["libopenmpi-dev"])]),
        // MPI's constants are macros of the implementation, which Swift can't read.
        .target(name: "CApusMPI", dependencies: ["CMPI"]),
        .target(
            name: "ApusDistributed",
            dependencies: ["CApusMPI", .product(name: "Apus", package: "Apus"), .product(name: "ApusData", package: "Apus")]),
        .executableTarget(
            name: "distributed-digits",
            dependencies: [
                "ApusDistributed",
                .product(name: "Apus", package: "Apus"),
                .product(name: "ApusData", package: "Apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "DigitsModel", package: "ApusExamples"),
            ]),
        // Measures what collectives cost.
        .executableTarget(name: "communication", dependencies: ["ApusDistributed", .product(name: "Apus", package: "Apus")]),

        // What the tests start in several processes.
        .executableTarget(
            name: "ranks",
            dependencies: ["ApusDistributed", .product(name: "Apus", package: "Apus"), .product(name: "ApusData", package: "Apus")],
            path: "Tests/Ranks"),
        .testTarget(
            name: "ApusDistributedTests",
            dependencies: [
                "ApusDistributed", "ranks", "distributed-digits",
                .product(name: "Apus", package: "Apus"), .product(name: "ApusData", package: "Apus"),
            ],
            exclude: ["Judges"]),
    ],
    swiftLanguageModes: [.v6]
)
