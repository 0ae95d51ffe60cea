// swift-tools-version: 6.1
import PackageDescription

/// Sources/ reads as a pipeline from top to bottom: a target imports only targets named above it, and names each of them here. `make test`
/// checks that (`--explicit-target-dependency-import-check error`).
let package = Package(
    name: "Apus",
    products: [
        .library(name: "Apus", targets: ["Apus"]),
        .library(name: "ApusRun", targets: ["ApusRun"]),
        // The C library: `make lib` builds and installs it as libapus.
        .library(name: "ApusC", type: .dynamic, targets: ["ApusC"]),
        .library(name: "ApusData", targets: ["ApusData"]),
        .library(name: "ApusImages", targets: ["ApusImages"]),
        .library(name: "ApusView", targets: ["ApusView"]),
        .executable(name: "apus", targets: ["apus-cli"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-numerics", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.33.0"),
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
        .systemLibrary(
            name: "CLibPNG", path: "Modules/CLibPNG", pkgConfig: "libpng",
            providers: [.apt(["libpng-dev"])]),
        .systemLibrary(
            name: "CTurboJPEG", path: "Modules/CTurboJPEG", pkgConfig: "libturbojpeg",
            providers: [.apt(["libturbojpeg0-dev"])]),

        .target(name: "CApusKernels", dependencies: ["COpenBLAS"]),
        .target(name: "ApusSymbolic"),
        .target(
            name: "ApusTensor",
            dependencies: [
                "CApusKernels", "CLAPACKE", "ApusSymbolic",
                .product(name: "ComplexModule", package: "swift-numerics"),
                .product(name: "RealModule", package: "swift-numerics"),
            ]),
        .target(name: "ApusGraph", dependencies: ["ApusSymbolic", "ApusTensor"]),
        .target(name: "ApusRuntime", dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "CApusKernels"]),
        .target(name: "ApusProgram", dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "ApusRuntime"]),
        // The messages of ONNX files: generated, see Scripts/onnx-schema.
        .target(name: "ApusONNXSchema", dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")]),
        .target(
            name: "ApusArchive",
            dependencies: [
                "ApusSymbolic", "ApusTensor", "ApusGraph", "ApusRuntime", "ApusProgram", "ApusONNXSchema", "CLibDeflate", "CLibZip",
                .product(name: "ComplexModule", package: "swift-numerics"), .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        .target(
            name: "ApusRun",
            dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "ApusRuntime", "ApusProgram", "ApusArchive"]),
        // What is drawn in a browser is a part of the code: an installed command has no folder of files beside it.
        .target(
            name: "ApusView",
            dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "ApusRuntime", "ApusProgram"],
            resources: ["page.html", "page.css", "layout.js", "draw.js", "panels.js"].map { .embedInCode("Page/Assets/\($0)") }),
        // The header of the C library, which ApusC implements.
        .target(name: "CApus"),
        .target(name: "ApusC", dependencies: ["CApus", "ApusSymbolic", "ApusTensor", "ApusGraph", "ApusProgram", "ApusArchive"]),
        .target(name: "ApusData", dependencies: ["ApusTensor", "ApusArchive"]),
        // libpng tells of errors by jumping out of its functions, which may not cross Swift's.
        .target(name: "CApusPNG", dependencies: ["CLibPNG"]),
        .target(name: "ApusImages", dependencies: ["CApusPNG", "CTurboJPEG", "ApusTensor", "ApusArchive"]),
        .target(name: "ApusNN", dependencies: ["ApusSymbolic", "ApusTensor"]),
        .target(name: "ApusExport", dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "ApusProgram", "ApusNN"]),
        .target(
            name: "Apus",
            dependencies: [
                "ApusSymbolic", "ApusTensor", "ApusGraph", "ApusRuntime", "ApusProgram", "ApusArchive", "ApusRun", "ApusNN", "ApusExport",
            ]),
        .executableTarget(
            name: "apus-cli",
            dependencies: ["Apus", "ApusView", .product(name: "ArgumentParser", package: "swift-argument-parser")]),

        // What several tests share.
        .target(name: "BadCalls", dependencies: ["ApusSymbolic", "ApusTensor"], path: "Tests/BadCalls"),
        .target(name: "CMallocCount", path: "Tests/CMallocCount"),
        .target(name: "JudgeSupport", path: "Tests/JudgeSupport"),
        .target(
            name: "ProgramExpectations", dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "ApusProgram", "ApusExport"],
            path: "Tests/ProgramExpectations"),

        .testTarget(name: "CApusKernelsTests", dependencies: ["CApusKernels"]),
        .testTarget(name: "ApusSymbolicTests", dependencies: ["ApusSymbolic", "JudgeSupport"]),
        .testTarget(
            name: "ApusTensorTests",
            dependencies: [
                "ApusSymbolic", "ApusTensor", "BadCalls", "CApusKernels", "JudgeSupport",
                .product(name: "ComplexModule", package: "swift-numerics"),
            ]),
        .testTarget(
            name: "ApusGraphTests", dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "JudgeSupport"], exclude: ["Goldens"]),
        .testTarget(
            name: "ApusRuntimeTests",
            dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "ApusRuntime", "BadCalls", "CApusKernels", "CMallocCount"]),
        .testTarget(
            name: "ApusProgramTests",
            dependencies: [
                "ApusSymbolic", "ApusTensor", "ApusGraph", "ApusRuntime", "ApusProgram", "ApusArchive", "ApusNN", "ApusExport",
                "CApusKernels",
                "ProgramExpectations",
            ]),
        .testTarget(
            name: "ApusArchiveTests",
            dependencies: [
                "ApusSymbolic", "ApusTensor", "ApusGraph", "ApusProgram", "ApusONNXSchema", "ApusArchive", "ApusNN", "ApusExport",
                "JudgeSupport", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        .testTarget(name: "ApusDataTests", dependencies: ["ApusTensor", "ApusArchive", "ApusData", "JudgeSupport"]),
        .testTarget(name: "ApusImagesTests", dependencies: ["ApusTensor", "ApusArchive", "ApusImages", "JudgeSupport"]),
        .testTarget(name: "ApusNNTests", dependencies: ["ApusSymbolic", "ApusTensor", "ApusNN", "JudgeSupport"]),
        .testTarget(
            name: "ApusExportTests",
            dependencies: ["ApusSymbolic", "ApusTensor", "ApusGraph", "ApusProgram", "ApusNN", "ApusExport", "ProgramExpectations"]),
        .testTarget(
            name: "ApusViewTests",
            dependencies: [
                "ApusSymbolic", "ApusTensor", "ApusGraph", "ApusRuntime", "ApusProgram", "ApusNN", "ApusExport", "ApusArchive",
                "ApusView",
            ]),
        .testTarget(name: "AcceptanceTests", dependencies: ["Apus", "JudgeSupport", "ProgramExpectations"], path: "Tests/Acceptance"),
        .testTarget(
            name: "DocumentationTests",
            dependencies: ["Apus", "ApusData", "ApusImages", "ApusView", "ApusSymbolic", "ApusTensor", "JudgeSupport"],
            path: "Tests/Documentation"),
        .target(name: "FuzzPrograms", dependencies: ["Apus"], path: "Tests/Fuzz/Programs"),
        .target(name: "FuzzFiles", dependencies: ["FuzzPrograms", "Apus", "JudgeSupport"], path: "Tests/Fuzz/Files"),
        .executableTarget(name: "fuzz", dependencies: ["FuzzPrograms", "FuzzFiles"], path: "Tests/Fuzz/Tool"),
        .testTarget(name: "FuzzTests", dependencies: ["Apus", "FuzzPrograms", "FuzzFiles", "fuzz"], path: "Tests/Fuzz/Cases"),
        // Starts the command and links with the C library, which therefore have to be built before.
        .testTarget(name: "CommandTests", dependencies: ["Apus", "ApusView", "ApusC", "apus-cli", "JudgeSupport"], path: "Tests/Commands"),
        .testTarget(name: "ConformanceTests", dependencies: ["Apus", "JudgeSupport"], path: "Tests/Conformance"),
    ],
    swiftLanguageModes: [.v6]
)
