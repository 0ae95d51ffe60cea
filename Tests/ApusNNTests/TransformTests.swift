import ApusNN
import ApusTensor
import Testing

private struct TransformCase: Decodable { let inputs, outputs: [ReferenceTensor] }

/// What functions become by `vmap`, `jacobian` and their like is what `torch.func` makes of them.
@Suite struct TransformTests {
    private static let cases = Result { try judge("nn_transforms.py", as: [String: TransformCase].self) }

    private typealias Body = @Sendable ([Tensor]) throws -> [Tensor]

    private static func one(_ function: @escaping @Sendable (Tensor) throws -> Tensor, _ inDim: Int = 0, _ outDim: Int = 0) -> Body {
        { [try vmap(function, inDim: inDim, outDim: outDim)($0[0])] }
    }

    private static func two(
        _ inDims: (Int?, Int?) = (0, 0), _ outDim: Int = 0, _ function: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
    ) -> Body {
        { [try vmap(function, inDims: inDims, outDim: outDim)($0[0], $0[1])] }
    }

    private static func three(_ inDims: [Int?], _ function: @escaping @Sendable ([Tensor]) throws -> Tensor) -> Body {
        { try vmap({ [try function($0)] }, inDims: inDims)($0) }
    }

    private static let elementwise: [String: Body] = [
        "elementwise": two { try $0.tanh() * $1 + 1 }, "shared": two((0, nil)) { try $0 * $1 - $1 },
        "numbers": two { x, t in try Tensor.where(x .> t, x, t) }, "promotion": two { try $0 * $1 },
        "narrow promotion": two { try $0.to(.float32) * $1 }, "dims": two((1, 2), 1) { try $0 - $1 },
        "last dim": one({ try $0.exp() }, -1, -1),
    ]

    private static let reductions: [String: Body] = [
        "sum": one { try $0.sum() }, "mean dim": one { try $0.mean(dim: -1) },
        "sum keepdim": one { try $0.sum(dims: [0, 1], keepDim: true) }, "max": one { try $0.max() }, "var": one { try $0.var(dim: 0) },
        "amax": one { try $0.amax(dims: [0]) }, "argmax": one { try $0.argmax(dim: 0) }, "argmax all": one { try $0.argmax() },
        "norm": one { try $0.norm() }, "logsumexp": one { try $0.logsumexp(dim: 0) }, "softmax": one { try $0.softmax(dim: 0) },
        "cumsum": one { try $0.cumsum(dim: -1) }, "sort": one { try $0.sort(dim: 0).values },
        "gather": two { try $0.gather(dim: 0, $1) }, "number sum": one { try $0.sum() * 2 },
    ]

    private static let views: [String: Body] = [
        "reshape": one { try $0.reshaped([-1, 3]) }, "permute": one { try $0.permuted([2, 0, 1]) }, "transpose": one { try $0.t() },
        "unsqueeze": one { try $0.unsqueezed(-1) + $0.unsqueezed(0) }, "squeeze": one { try $0.squeezed(1) },
        "expand": one { try $0.expanded([4, 3]) }, "select": one { try $0[1] + $0[-1] },
        "slice": one { try $0.sliced(dim: 0, from: 1).sliced(dim: 1, step: 2) }, "flatten": one { try $0.flattened(from: 1) },
        "cat": two((0, nil)) { try Tensor.cat([$0, $1], dim: 0) }, "stack": two { try Tensor.stack([$0, $1], dim: -1) },
        "unbind": one { try $0.unbind(dim: 0)[1] }, "diagonal": one { try $0.diagonal() }, "triu": one { try $0.triu() },
    ]

    private static let products: [String: Body] = [
        "dot": two { try $0.dot($1) }, "mv": two((nil, 0)) { try $0.mv($1) }, "mm": two { try $0.mm($1) },
        "mm shared": two((0, nil)) { try $0.mm($1) }, "vector matrix": two { try $0.matmul($1) }, "bmm": two((0, nil)) { try $0.bmm($1) },
        "matmul ranks": two { try $0.matmul($1) }, "linear": three([nil, 0, 0]) { try $0[0].linear($0[1], bias: $0[2]) },
        "linear shared": three([0, nil, nil]) { try $0[0].linear($0[1], bias: $0[2]) },
        "addmm": three([nil, 0, nil]) { try $0[0].addmm($0[1], $0[2], beta: 0.5, alpha: 2) },
        "einsum": two { try Tensor.einsum("ij,jk->ik", $0, $1) }, "det": one { try $0.det() },
        "conv": two((0, nil)) { try $0.conv2d($1, padding: [1, 1]) }, "conv weights": two((nil, 0)) { try $0.conv2d($1) },
        "layer norm": two((0, nil)) { try $0.layerNorm([3], weight: $1) }, "embedding": two((0, nil)) { try $1.embedding($0) },
        "constant": one { _ in try Tensor.ones([2], dtype: .float64) },
    ]

    private static let derivatives: [String: Body] = {
        @Sendable func loss(_ w: Tensor, _ x: Tensor, _ y: Tensor) throws -> Tensor { try (x.matmul(w).tanh() - y).square().mean() }
        @Sendable func vector(_ x: Tensor) throws -> Tensor { try x.tanh() * x.sum() + x.flipped([0]).square() }
        @Sendable func number(_ x: Tensor) throws -> Tensor { try x.pow(3).sum() + x.prod() + (x.sin() * x.rolled(1, dim: 0)).sum() }
        @Sendable func matrix(_ x: Tensor) throws -> Tensor { try x.matmul(weight.get()).softmax(dim: -1) }
        return [
            "vmap nested": { x in
                let inner: Tensor = x[1]
                return [try vmap { a in try vmap { b in try (a - b).norm() }(inner) }(x[0])]
            },
            "vmap of grad": three([nil, 0, 0]) { x in try gradient(at: x[0]) { try loss($0, x[1], x[2]) } },
            "grad of vmap": { x in
                let each: ([Tensor]) throws -> [Tensor] = vmap({ [try loss($0[0], $0[1], $0[2])] }, inDims: [nil, 0, 0])
                return [try gradient(at: x[0]) { try each([$0, x[1], x[2]])[0].sum() }]
            },
            "grad of vmap by example": { x in [try gradient(at: x[0]) { try vmap { try $0.det() }($0).sum() }] },
            "jacobian vector": { [try jacobian(at: $0[0], vector)] }, "jacobian matrix": { [try jacobian(at: $0[0], matrix)] },
            "jacobian of gather": { x in
                let places = try Tensor([2, 0, 2], shape: [3])
                return [try jacobian(at: x[0]) { try $0.indexSelect(dim: 0, places) * $0.max() }]
            },
            "hessian": { [try hessian(at: $0[0], number)] },
            "hessian matrix": { [try hessian(at: $0[0]) { try matrix($0).square().sum() }] },
            "jvp": { x in
                let (value, tangent) = try jvp(at: x[0], tangent: x[1], matrix)
                return [value, tangent]
            },
            "jvp of two": { x in
                let (values, tangents) = try jvp(at: [x[0], x[1]], tangents: [x[2], x[3]]) { [try ($0[0] * $0[1]).sin().sum(dim: 0)] }
                return values + tangents
            },
            "vjp": { x in
                let (value, pullback) = try vjp(at: x[0], vector)
                return [value, try pullback(x[1])]
            },
            "grad of grad": { x in [try grad { try grad { try $0.pow(4).sum() }($0).square().sum() }(x[0])] },
            "vmap of jacobian": one { try jacobian(at: $0, vector) }, "vmap of hessian": one { try hessian(at: $0, number) },
        ]
    }()

    /// The matrix that the judge's functions share: what `vmap of grad` is given.
    private static let weight = Result { try #require(try cases.get()["vmap of grad"]).inputs[0].tensor() }

    @Test func transformsArePyTorchs() throws {
        let cases = try Self.cases.get()
        #expect(cases.count == 68)
        let batched: [String: Body] = [Self.elementwise, Self.reductions, Self.views, Self.products].reduce(into: [:]) { all, some in
            for (name, body) in some { all["vmap " + name] = body }
        }
        let bodies: [String: Body] = batched.merging(Self.derivatives) { own, _ in own }
        for (name, expected) in cases {
            guard let body = bodies[name] else {
                Issue.record("no function for '\(name)'")
                continue
            }
            do {
                let outputs: [Tensor] = try body(expected.inputs.map { try $0.tensor() })
                #expect(outputs.count == expected.outputs.count, "\(name)")
                for (output, reference) in zip(outputs, expected.outputs) {
                    try expectClose(output, reference, rtol: output.dtype == .float32 ? 1e-6 : 1e-10, name)
                }
            } catch {
                Issue.record("\(name): \(error)")
            }
        }
    }

    /// Every operator on a batch of its samples gives what it gives one by one: where the first tensor is a batch, and where all are.
    @Test func everyOperatorRunsOnBatches() throws {
        var compared = 0
        for operation in OperatorTable.all where operation.effects.isDisjoint(with: [.random, .dataDependent]) {
            for arguments in try operation.samples() {
                let tensors: [Int] = arguments.indices.filter { if case .tensor = arguments[$0] { true } else { false } }
                for batched in Set([Array(tensors.prefix(1)), tensors]) where !batched.isEmpty {
                    do {
                        if let difference = try difference(operation, arguments, batched: batched) {
                            Issue.record("\(operation), arguments \(batched) batched: \(difference)")
                        }
                        compared += 1
                    } catch {
                        Issue.record("\(operation), arguments \(batched) batched: \(error)")
                    }
                }
            }
        }
        #expect(compared > 1500)
    }

    /// What is wrong with a batch of two: the sample, and the same with its tensors' elements moved where the operator takes that.
    private func difference(_ operation: Operator, _ arguments: [OperatorArgument], batched: [Int]) throws -> String? {
        func tensor(_ index: Int) throws -> Tensor {
            if case .tensor(let tensor) = arguments[index] { tensor } else { try Tensor.zeros([]) }
        }
        func run(_ values: [Tensor]) throws -> [Tensor] {
            var changed: [OperatorArgument] = arguments
            for (index, value) in zip(batched, values) { changed[index] = .tensor(value) }
            return try apply(operation, changed).flatMap { result -> [Tensor] in
                switch result {
                case .tensor(let tensor): [tensor]
                case .tensors(let tensors): tensors
                default: []
                }
            }
        }
        let first: [Tensor] = try batched.map { try tensor($0) }
        let moved: [Tensor] = try first.map { try $0.rolled(1).clone() }
        let one: [Tensor] = try run(first)
        guard !one.isEmpty else { return nil }
        let other: [Tensor]? = (try? run(moved)).flatMap { $0.map(\.spec.description) == one.map(\.spec.description) ? $0 : nil }
        let examples: [[Tensor]] = [first, other == nil ? first : moved]
        let batch: [Tensor] = try batched.indices.map { index in try Tensor.stack(examples.map { $0[index] }) }
        let results: [Tensor] = try vmap(run, inDims: Array(repeating: 0, count: batch.count))(batch)
        for (position, result) in results.enumerated() {
            for (example, expected) in [one[position], (other ?? one)[position]].enumerated() {
                let found: Tensor = try result[example]
                guard found.spec.description == expected.spec.description else { return "\(found.spec) for \(expected.spec)" }
                let (a, b): ([Double], [Double]) = (try parts(found), try parts(expected))
                let tolerance: Double = expected.dtype.byteWidth == 2 ? 2e-2 : 1e-4
                let isClose: Bool = zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN || abs($0 - $1) <= tolerance * max(1, abs($1)) }
                if !isClose { return "example \(example) of result \(position) is \(found), not \(expected)" }
            }
        }
        return nil
    }

    private func parts(_ x: Tensor) throws -> [Double] {
        try x.dtype.isComplex ? x.viewAsReal().array(of: Double.self) : x.array(of: Double.self)
    }

    @Test func whatCantBeDoneForABatchIsAnError() throws {
        let x = try Tensor.ones([4, 3])
        func message(_ body: () throws -> Tensor) -> String? {
            do {
                _ = try body()
                return nil
            } catch {
                return (error as? TensorError)?.statement ?? "\(error)"
            }
        }
        #expect(message { try vmap { try $0 * $0.sum().item(Float.self) }(x) }?.contains("differ inside of vmap: use where") == true)
        #expect(
            message { try vmap({ x, _ in x }, inDims: (nil, nil))(x, x) } == "vmap: no argument is a batch: one of inDims must be a number")
        #expect(message { try vmap { x, y in try x + y }(x, Tensor.ones([5, 3])) } == "vmap: batches must be of one size, not 4 and 5")
        #expect(message { try vmap { try $0.matmul(Tensor.ones([4, 2])) }(x) }?.contains("[3]") == true)
        var kept = x
        _ = try vmap {
            kept = $0
            return $0
        }(x)
        #expect(message { try kept + 1 }?.contains("an example of a batch inside of vmap") == true)
        #expect(try vmap { try $0.det() }(Tensor.zeros([0, 2, 2])).sizes == [0])
        let (_, pullback) = try vjp(at: x) { try $0.sum(dim: 0) }
        #expect(
            message { try pullback(Tensor.ones([4])) }?.contains("a gradient of float32[4] is given for a result of float32[3]") == true)
        #expect(message { try jacobian(at: x) { try $0.argmax(dim: 0) } } == "vjp: a result is of int64, which has no derivative")
        #expect(message { try jvp(at: x, tangent: Tensor.ones([3])) { $0 }.tangent }?.contains("a tangent of float32[3]") == true)
    }
}
