// swift-tools-version: 6.1
import PackageDescription

/// A package of its own, so that users of the library resolve and build none of it.
let package = Package(
    name: "ApusServer",
    products: [
        .executable(name: "apus-server", targets: ["apus-server"]),
        .library(name: "ApusServing", targets: ["ApusServing"]),
    ],
    dependencies: [
        .package(name: "Apus", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Models, queues, batches, sessions, numbers: knows no protocol and no network.
        .target(name: "ApusServing", dependencies: [.product(name: "ApusRun", package: "Apus")]),
        // The Open Inference Protocol over HTTP.
        .target(
            name: "ApusServerHTTP",
            dependencies: [
                "ApusServing",
                .product(name: "ApusRun", package: "Apus"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "apus-server",
            dependencies: [
                "ApusServing", "ApusServerHTTP",
                .product(name: "ApusRun", package: "Apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),

        .testTarget(
            name: "ApusServingTests",
            dependencies: ["ApusServing", .product(name: "Apus", package: "Apus")]),
        // Starts the server, which therefore has to be built before.
        .testTarget(
            name: "ServerTests",
            dependencies: ["ApusServing", "ApusServerHTTP", "apus-server", .product(name: "Apus", package: "Apus")],
            exclude: ["Judges"]),
    ],
    swiftLanguageModes: [.v6]
)
