// swift-tools-version: 6.1
import PackageDescription

/// Sources/ reads as a pipeline from top to bottom: a target imports only targets named above it.
let package = Package(
    name: "Apus",
    products: [
        .library(name: "Apus", targets: ["Apus"]),
        .executable(name: "apus", targets: ["apus-cli"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-numerics", from: "1.1.0"),
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        .systemLibrary(
            name: "COpenBLAS", path: "Modules/COpenBLAS", pkgConfig: "openblas",
            providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(
            name: "CLAPACKE", path: "Modules/CLAPACKE", pkgConfig: "lapacke",
            providers: [.apt(["liblapacke-dev"])]),
        .systemLibrary(
            name: "CLibZip", path: "Modules/CLibZip", pkgConfig: "libzip",
            providers: [.apt(["libzip-dev"])]),
        .systemLibrary(
            name: "CLibDeflate", path: "Modules/CLibDeflate", pkgConfig: "libdeflate",
            providers: [.apt(["libdeflate-dev"])]),

        .target(name: "CApusKernels", dependencies: ["COpenBLAS"]),
        .target(name: "ApusSymbolic"),
        .target(
            name: "ApusTensor",
            dependencies: [
                "CApusKernels", "CLAPACKE", "ApusSymbolic",
                .product(name: "ComplexModule", package: "swift-numerics"),
                .product(name: "RealModule", package: "swift-numerics"),
            ]),
        .target(name: "ApusNN", dependencies: ["ApusTensor"]),
        .target(name: "ApusGraph", dependencies: ["ApusTensor"]),
        .target(name: "ApusRuntime", dependencies: ["ApusGraph", "ApusTensor", "CApusKernels"]),
        .target(name: "ApusExport", dependencies: ["ApusRuntime", "ApusNN"]),
        .target(
            name: "ApusArchive",
            dependencies: ["ApusExport", "CLibDeflate", "CLibZip", .product(name: "ComplexModule", package: "swift-numerics")]),
        .target(
            name: "Apus",
            dependencies: [
                "ApusSymbolic", "ApusTensor", "ApusNN", "ApusGraph", "ApusRuntime", "ApusExport", "ApusArchive",
            ]),
        .executableTarget(
            name: "apus-cli",
            dependencies: ["Apus", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

        .testTarget(name: "CApusKernelsTests", dependencies: ["CApusKernels"]),
        .testTarget(name: "ApusSymbolicTests", dependencies: ["ApusSymbolic", "JudgeSupport"]),
        .testTarget(name: "ApusTensorTests", dependencies: ["ApusTensor", "BadCalls", "CApusKernels", "JudgeSupport"]),
        .testTarget(name: "ApusNNTests", dependencies: ["ApusNN", "JudgeSupport"]),
        .testTarget(name: "ApusGraphTests", dependencies: ["ApusGraph"], exclude: ["Goldens"]),
        .target(name: "BadCalls", dependencies: ["ApusTensor"], path: "Tests/BadCalls"),
        .target(name: "CMallocCount", path: "Tests/CMallocCount"),
        .target(name: "JudgeSupport", path: "Tests/JudgeSupport"),
        .testTarget(name: "ApusRuntimeTests", dependencies: ["ApusRuntime", "BadCalls", "CApusKernels", "CMallocCount"]),
        .testTarget(name: "ApusExportTests", dependencies: ["ApusExport", "CApusKernels"]),
        .testTarget(name: "ApusArchiveTests", dependencies: ["ApusArchive", "JudgeSupport"]),
        .testTarget(name: "AcceptanceTests", dependencies: ["Apus", "JudgeSupport"], path: "Tests/Acceptance"),
        .target(name: "FuzzPrograms", dependencies: ["Apus"], path: "Tests/Fuzz/Programs"),
        .target(name: "FuzzFiles", dependencies: ["FuzzPrograms", "Apus"], path: "Tests/Fuzz/Files"),
        .executableTarget(name: "fuzz", dependencies: ["FuzzPrograms", "FuzzFiles"], path: "Tests/Fuzz/Tool"),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzPrograms", "FuzzFiles", "fuzz"], path: "Tests/Fuzz/Cases"),
        // Starts the command, which therefore has to be built before.
        .testTarget(name: "CommandTests", dependencies: ["Apus", "apus-cli", "JudgeSupport"], path: "Tests/Commands"),
        .testTarget(name: "ConformanceTests", dependencies: ["Apus", "JudgeSupport"], path: "Tests/Conformance"),
    ],
    swiftLanguageModes: [.v6]
)
