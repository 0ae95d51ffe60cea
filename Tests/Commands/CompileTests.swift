import Foundation
import JudgeSupport
import Testing

/// What must not compile, does not, for the reason that is meant; and the examples, which are packages of their own, do.
@Suite("What compiles") struct CompileTests {
    /// Type checks sources against the modules that the tests were built with; gives the compiler's messages.
    private func check(_ files: [String], _ options: [String] = []) throws -> Built.Outcome {
        let package: String = Python.root
        let shims: String = package + "/.build/checkouts/swift-numerics/Sources/_NumericsShims/include"
        let modules: [String] = [Built.folder.appendingPathComponent("Modules").path, shims]
        let system: [String] = ["COpenBLAS", "CLAPACKE", "CLibZip", "CLibDeflate", "CLibPNG", "CTurboJPEG"].map {
            package + "/Modules/" + $0
        }
        let own: [String] = ["CApusKernels", "CApusPNG"].map {
            "-fmodule-map-file=" + Built.folder.appendingPathComponent("\($0).build/module.modulemap").path
        }
        return try Built.run(
            "/usr/bin/env",
            ["swiftc", "-swift-version", "6"] + own.flatMap { ["-Xcc", $0] } + (modules + system).flatMap { ["-I", $0] } + options + files)
    }

    private func check(text: String) throws -> Built.Outcome {
        let folder = try TemporaryFolder()
        let file: String = folder.file("snippet.swift")
        try ("import Apus\n" + text).write(toFile: file, atomically: true, encoding: .utf8)
        return try check([file], ["-typecheck"])
    }

    private func check(body: String) throws -> Built.Outcome {
        try check(text: "func snippet(_ x: Tensor, _ y: Tensor) throws -> Any { \(body) }\n")
    }

    @Test(
        "Constraints are written one comparison at a time",
        arguments: [
            "[dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6]", "dynamicDim(x, 0).in(3...6)", "dynamicDim(x, 0) == dynamicDim(y, 0)",
            "try x.shape[0] > 3 ? x.sin() : x.cos()",
        ]) func compiles(body: String) throws
    {
        let outcome = try check(body: body)
        #expect(outcome.status == 0, "\(outcome.messages)")
    }

    @Test(
        "A chained comparison, an inequality of dimensions, and an operator without a rule",
        arguments: [
            ("3 <= dynamicDim(x, 0) <= 6", "adjacent operators are in non-associative precedence group 'ComparisonPrecedence'"),
            ("dynamicDim(x, 0) != dynamicDim(y, 0)", "requires that 'DynamicDimension' conform to"),
            ("dynamicDim(x, 0) != 3", "error:"),
            // Without a rule for its shapes there is no operator.
            (
                #"try Operator(Operator.Schema("mine::twice(Tensor self) -> Tensor"), kernel: .composite)"#,
                "missing argument for parameter 'rule' in call"
            ),
            // A tensor is no truth value.
            ("if try x.sum() > 0 { return x }; return y", ".item(Bool.self)"),
            ("try x.log_softmax(dim: 1)", "'log_softmax' has been renamed to 'logSoftmax(dim:dtype:)'"),
            ("try x.masked_fill(y, 1)", "'masked_fill' has been renamed to 'maskedFill"),
            ("try Tensor.zeros_like(x)", "'zeros_like' has been renamed to 'zerosLike()'"),
            ("try cross_entropy(x, y)", "'cross_entropy' has been renamed to 'crossEntropy"),
            ("try x.unfold(dim: 0, size: 2, step: 1)", "'unfold' has been renamed to 'unfolded(dim:size:step:)'"),
            ("try x.clip(min: 0)", "'clip' has been renamed to 'clamp(min:max:)'"),
            ("x.ndim", "'ndim' has been renamed to 'rank'"),
            ("try x.trace()", "'trace' has been renamed to 'matrixTrace()'"),
            ("x.requires_grad_()", "'requires_grad_' is unavailable: write gradient(at:_:)"),
            ("try Tensor.tensor([1, 2])", "'tensor' is unavailable: write Tensor([1, 2])"),
            ("Double(x.shape[0])", "a size may be symbolic: write SymFloat(n)"),
            // An error of one kind only would also come of a module that is missing.
            ("x.shape[0].noSuchMember", "value of type 'SymInt' has no member 'noSuchMember'"),
        ]) func doesNotCompile(body: String, reason: String) throws
    {
        let outcome = try check(body: body)
        #expect(outcome.status != 0)
        #expect((outcome.messages + outcome.output).contains(reason), "\(body): \(outcome.messages)\(outcome.output)")
    }

    /// Expressions that mix numbers take the compiler no time that a user would notice: each at most a few seconds, even where others use the
    /// machine too. It takes well below one by itself.
    @Test("Expressions of mixed numbers are checked in bounded time") func expressionTimes() throws {
        let macros: String =
            try Built.run("/usr/bin/env", ["swiftc", "-print-target-info"]).output
            .split(separator: "\"").first { $0.hasSuffix("/lib/swift") }.map { "\($0)/host/plugins/testing" } ?? ""
        let outcome = try check(
            [Python.root + "/Tests/ApusTensorTests/ExpressionTests.swift"],
            ["-typecheck", "-plugin-path", macros, "-Xfrontend", "-solver-expression-time-threshold=5"])
        #expect(outcome.status == 0, "\(outcome.messages)\(outcome.output)")
    }

    /// Names that programs have for what is theirs. Were one of Apus's own, it would be ambiguous wherever another module has it too.
    private static let names: [String] = [
        "Argument", "Assignment", "Block", "Body", "Call", "Decision", "Dialect", "Effects", "Interpreter", "Layout", "Literal", "Node",
        "Oracle",
        "Partition", "Plan", "Promotion", "Role", "Schema", "Session", "Step", "Storage", "Symbol", "Value", "ValueType", "Verifier",
    ]

    @Test("Names that a program has of its own are not Apus's") func unclaimedNames() throws {
        let outcome = try check(text: Self.names.map { "let own\($0): \($0)? = nil\n" }.joined())
        let claimed: [String] = Self.names.filter { !(outcome.messages + outcome.output).contains("cannot find type '\($0)' in scope") }
        #expect(claimed == [])
    }

    @Test("A program's own types of these names are the ones it means") func ownNames() throws {
        let types: String = Self.names.map { "struct \($0) { var is\($0): Bool = true }\n" }.joined()
        let uses: String = Self.names.map { "    _ = \($0)().is\($0)\n" }.joined()
        let outcome = try check(text: types + "func snippet(_ x: Tensor) throws -> Tensor {\n" + uses + "    return try x + 1\n}\n")
        #expect(outcome.status == 0, "\(outcome.messages)\(outcome.output)")
    }

    /// The tests' own build compiles neither, so that a name which only they use could go unnoticed.
    @Test("Examples and benchmarks, packages of their own, compile") func packagesOfTheirOwn() throws {
        let folder = try TemporaryFolder()
        let targets: [(name: String, files: [String])] = try ["/Examples/Sources/", "/Benchmarks/Sources/"].flatMap { sources in
            try FileManager.default.contentsOfDirectory(atPath: Python.root + sources).sorted().map {
                ($0, try swiftFiles(Python.root + sources + $0))
            }
        }
        let isExecutable: ([String]) throws -> Bool = {
            try $0.contains { try String(contentsOfFile: $0, encoding: .utf8).contains("@main") }
        }
        for (name, files) in targets where try !isExecutable(files) {
            let module: String = folder.file(name + ".swiftmodule")
            let library = try check(files, ["-parse-as-library", "-emit-module", "-module-name", name, "-o", module, "-I", folder.path])
            #expect(library.status == 0, "\(name): \(library.messages)")
        }
        for (name, files) in targets where try isExecutable(files) {
            let program = try check(files, ["-typecheck", "-parse-as-library", "-I", folder.path])
            #expect(program.status == 0, "\(name): \(program.messages)")
        }
    }

    private func swiftFiles(_ folder: String) throws -> [String] {
        let found = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return found.filter { $0.hasSuffix(".swift") }.sorted().map { folder + "/" + $0 }
    }
}
