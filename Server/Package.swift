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
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        // Without its default traits, as gRPC's own packages take it.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Models, queues, batches, sessions, numbers: knows no protocol and no network.
        .target(
            name: "ApusServing",
            dependencies: [
                .product(name: "ApusRun", package: "Apus"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]),
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
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]),
        // The same over gRPC.
        .target(
            name: "ApusServerGRPC",
            dependencies: [
                "ApusServing",
                .product(name: "ApusRun", package: "Apus"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]),
        .executableTarget(
            name: "apus-server",
            dependencies: [
                "ApusServing", "ApusServerGRPC", "ApusServerHTTP",
                .product(name: "ApusRun", package: "Apus"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),

        .testTarget(
            name: "ApusServingTests",
            dependencies: [
                "ApusServing", .product(name: "Apus", package: "Apus"),
                .product(name: "InMemoryTracing", package: "swift-distributed-tracing"),
                .product(name: "Tracing", package: "swift-distributed-tracing"),
            ]),
        // Starts the server, which therefore has to be built before.
        .testTarget(
            name: "ServerTests",
            dependencies: ["ApusServing", "ApusServerHTTP", "apus-server", .product(name: "Apus", package: "Apus")],
            exclude: ["Judges"]),
    ],
    swiftLanguageModes: [.v6]
)
