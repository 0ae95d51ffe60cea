import Foundation
import JudgeSupport

/// The compiler as a judge of what must not compile.
enum Compiler {
    /// What the compiler says of a source file; empty where it takes it.
    static func errors(_ source: String) throws -> String {
        let file = temporaryPath(".swift")
        defer { try? FileManager.default.removeItem(atPath: file) }
        try source.write(toFile: file, atomically: true, encoding: .utf8)
        let root = Python.root
        let numerics = "\(root)/.build/checkouts/swift-numerics/Sources/_NumericsShims/include"
        let maps =
            ["COpenBLAS", "CLAPACKE", "CLibZip", "CLibDeflate"].map { "\(root)/Modules/\($0)" } + [
                "\(products)/CApusKernels.build", numerics,
            ]
        let flags = try run("pkg-config", ["--cflags", "openblas", "lapacke", "libzip", "libdeflate"]).split(separator: " ")
        let clang: [String] =
            maps.map { "-fmodule-map-file=\($0)/module.modulemap" } + flags.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
        let arguments = ["-typecheck", "-swift-version", "6", "-I", "\(products)/Modules"] + clang.flatMap { ["-Xcc", $0] } + [file]
        return try run("swiftc", arguments)
    }

    /// The folder that the tests were built into.
    private static let products: String = {
        let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle.components(separatedBy: "/ApusPackageTests.xctest")[0]).path
    }()

    /// What a program prints and complains about.
    private static func run(_ program: String, _ arguments: [String]) throws -> String {
        try ChildProcess([program] + arguments, messages: .output).output
    }
}
