import ApusExport
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

/// Every record of the operator table in a file that PyTorch opens: each sample as it stands, with each argument that has a default left out,
/// and with it given as what its default is. One program for each operator holds all of its calls; tensors are inputs, the rest is baked.
@Suite("Files of every operator") struct OperatorFileTests {
    /// Random results, and those that are left as memory has them.
    private static func hasValues(_ operation: Operator) -> Bool {
        !operation.effects.contains(.random) && !operation.schema.name.contains("empty")
    }

    /// A line that is expected of PyTorch.
    private struct Known {
        let program: String
        /// Which of a call's results it is about; nil for a call that fails.
        var result: Int?
        let text: String
        let reason: String
        /// False for what is another machine's choice, such as a factor's sign.
        var always = true

        func isAbout(_ problem: String) -> Bool {
            guard problem.hasPrefix(program + " "), problem.contains(text) else { return false }
            guard let result else { return true }
            let results = OperatorTable.find(program.replacing("aten.", with: "aten::"))?.schema.results.count ?? 1
            return problem.firstMatch(of: /out\.([0-9]+)/).flatMap { Int($0.1) }.map { $0 % results == result } ?? false
        }
    }

    private static let known: [Known] =
        [
            Known(program: "aten.convolution.complex", text: "not implemented for", reason: "PyTorch has no kernel for the dtype"),
            Known(
                program: "aten._ctc_loss", result: 1, text: "element", reason: "behind a target's states PyTorch leaves what was in memory",
                always: false),
            Known(
                program: "aten.hardtanh.uint8", text: "unsigned type with negative limits",
                reason: "PyTorch refuses a negative limit of an unsigned dtype, which limits nothing"),
            Known(
                program: "aten.gelu_backward.broadcast", text: "could not create a primitive descriptor",
                reason: "PyTorch's kernel does not broadcast on all processors", always: false),
            Known(program: "aten.linalg_lstsq", result: 1, text: "shape [0]", reason: lstsq),
            Known(program: "aten.linalg_lstsq", result: 3, text: "shape [0]", reason: lstsq),
        ]
        + ["aten.native_group_norm_backward", "aten.native_layer_norm_backward"].map {
            Known(program: $0, text: "PyTorch does not give it", reason: "results that are masked out are none there")
        }
        + ["aten.embedding_bag", "aten._embedding_bag_forward_only"].flatMap { name in
            [2, 3].map {
                Known(program: name, result: $0, text: "shape", reason: "for a sum PyTorch counts the closing offset as a bag there")
            }
        }
        + withoutBFloat16.map {
            Known(program: "aten.\($0).bfloat16", text: "NotImplementedError", reason: "PyTorch has no kernel for the dtype")
        }
        + [("aten._linalg_det", 1), ("aten._linalg_slogdet", 2)].map {
            Known(program: $0, result: $1, text: "element", reason: "PyTorch factors the transposed matrix")
        }
        + [("aten._linalg_eigh", 1), ("aten.linalg_eigh", 1), ("aten._linalg_svd", 0), ("aten._linalg_svd", 2)].map {
            Known(program: $0, result: $1, text: "element", reason: "the vectors are unique up to their signs", always: false)
        }

    private static let withoutBFloat16: [String] = [
        "special_airy_ai", "special_bessel_j0", "special_bessel_j1", "special_bessel_y0", "special_bessel_y1", "special_erfcx",
        "special_log_ndtr",
        "special_modified_bessel_i0", "special_modified_bessel_i1", "special_modified_bessel_k0", "special_modified_bessel_k1",
        "special_ndtri", "special_scaled_modified_bessel_k0", "special_scaled_modified_bessel_k1", "special_spherical_bessel_j0",
        "special_zeta",
    ]

    private static let lstsq = "PyTorch's own driver gives neither residuals nor singular values; programs name the one that does"

    /// Calls that PyTorch's kernels do not take: they have a program of their own.
    private static let apart: [String: (name: String, isApart: @Sendable ([Tensor]) throws -> Bool)] = {
        var apart = othersApart
        let isBFloat16: @Sendable ([Tensor]) throws -> Bool = { tensors in tensors.contains { $0.dtype == .bfloat16 } }
        for name in withoutBFloat16 { apart["aten::" + name] = ("bfloat16", isBFloat16) }
        return apart
    }()

    private static let othersApart: [String: (name: String, isApart: @Sendable ([Tensor]) throws -> Bool)] = [
        "aten::convolution": ("complex", { $0.contains { $0.dtype.isComplex } }),
        "aten::hardtanh": ("uint8", { $0.contains { $0.dtype == .uint8 } }),
        "aten::gelu_backward": ("broadcast", { try Set($0.map { try $0.sizes }).count > 1 }),
    ]

    /// The calls of an operator that eager code makes.
    private static func calls(_ operation: Operator) throws -> [[OperatorArgument]] {
        var calls: [[OperatorArgument]] = []
        for sample in try operation.samples() {
            calls.append(sample)
            for (position, parameter) in operation.schema.parameters.enumerated() where parameter.defaultText != nil {
                var others: [OperatorArgument] = [try ArgumentImporter.standard(of: parameter)]
                if case .optional = parameter.kind { others.append(.none) }
                for argument in others {
                    if "\(argument)" == "\(sample[position])" { continue }
                    var call = sample
                    call[position] = argument
                    // The record of a program needs the number of classes; the method reads it from the tensor.
                    if operation.name == "aten::one_hot" { continue }
                    if (try? apply(operation, call)) != nil { calls.append(call) }
                }
            }
        }
        return calls
    }

    private static func tensors(_ calls: [[OperatorArgument]]) -> [Tensor] {
        var tensors: [Tensor] = []
        for call in calls { for argument in call { argument.forEachReference { tensors.append($0) } } }
        return tensors
    }

    private static func program(_ operation: Operator, _ calls: [[OperatorArgument]], apart: String = "") throws -> JudgedProgram {
        let inputs = tensors(calls)
        let function: ([Tensor]) throws -> [Tensor] = { tensors in
            var rest: ArraySlice<Tensor> = tensors[...]
            return try calls.flatMap { call in
                try apply(operation, call.map { argument in argument.map { rest.popFirst() ?? $0 } }).flatMap { result -> [Tensor] in
                    switch result {
                    case .tensor(let tensor): [tensor]
                    case .tensors(let tensors): tensors
                    case .scalar(let number): [try Tensor.full([], number)]
                    default: []
                    }
                }
            }
        }
        let name = operation.name.replacing("::", with: ".") + apart
        return JudgedProgram(
            name: name, program: try export(function, args: inputs, options: ExportOptions(selfCheck: false)), calls: [inputs],
            hasValues: hasValues(operation))
    }

    @Test("PyTorch opens and runs them with the same results") func all() throws {
        var programs: [JudgedProgram] = []
        var count = 0
        for operation in OperatorTable.all where operation.schema.namespace == "aten" {
            do {
                let calls = try Self.calls(operation)
                count += calls.count
                let (name, isApart) = Self.apart[operation.name] ?? ("", { _ in false })
                for (parts, apart) in try [
                    (calls.filter { try !isApart(Self.tensors([$0])) }, ""), (calls.filter { try isApart(Self.tensors([$0])) }, "." + name),
                ] where !parts.isEmpty {
                    programs.append(try Self.program(operation, parts, apart: apart))
                }
            } catch { Issue.record("\(operation): \(error)") }
        }
        #expect(programs.count > 750 && count > 4500, "\(count) calls in \(programs.count) programs")
        let problems = try JudgedProgram.problems(programs, [])
        for problem in problems where !Self.known.contains(where: { $0.isAbout(problem) }) { Issue.record("\(problem)") }
        for known in Self.known where known.always && !problems.contains(where: { known.isAbout($0) }) {
            Issue.record("\(known.program): \(known.text) is no difference any more (\(known.reason)): take it off the list")
        }
    }

    /// PyTorch's database of operators has none of these, but its exporter writes them.
    @Test("Operators that only whole programs hold, and tokens of effects, are read")
    func operatorsOfWholePrograms() throws {
        let factorizations = """
            factor = torch.linalg.cholesky(x @ x.mT + 3 * torch.eye(3))
            return torch.cholesky_solve(x, factor), torch.linalg.tensorinv((x + 3 * torch.eye(3)).reshape(3, 1, 3), 1)
            """
        let others = """
            windows = torch.hann_window(3) + torch.kaiser_window(3, periodic=False) + torch.hamming_window(3, True, 0.5, 0.4)
            sequences = torch.nn.utils.rnn.pad_sequence([x, x[:2]], batch_first=True, padding_value=1.5)
            over_time = torch.conv_tbc(x[None], torch.ones(1, 3, 2), torch.ones(2))
            return x * windows, torch.matrix_power(x, 3), torch.remainder(7, x.abs() + 1), torch.special.logsumexp(x, 0), sequences, over_time
            """
        let snippets = try TorchSnippets(
            [true, false].flatMap { isCore in
                let suffix: String = isCore ? "-core" : ""
                return [
                    TorchSnippet(name: "factorizations" + suffix, forward: factorizations, input: "torch.randn(3, 3)", isCore: isCore),
                    TorchSnippet(name: "others" + suffix, forward: others, input: "torch.randn(3, 3)", isCore: isCore),
                ]
            } + [TorchSnippet(name: "failing", forward: "return torch.linalg.cholesky(x)", input: "torch.eye(3)", isCore: true)])
        for name in ["factorizations", "others"] {
            try snippets.check(name)
            try snippets.check(name + "-core")
        }
        let failing = try ExportedProgram.load(from: snippets.path("failing"))
        #expect(throws: (any Error).self) { try failing.run([Tensor.zeros([3, 3])]) }
        #expect(failing.graph.inputs.count == 1 && failing.graph.outputs.count == 1)
    }
}
