import Apus
import Foundation
import Testing

/// The names that are fixed, spelled as users spell them. Each statement is one of the promised lines, each expectation what is said of it.
@Suite struct PublicNamesTests {
    @Test func values() throws {
        let x = try Tensor([[1.0, 2], [3, 4]])
        let r = try Tensor.randn([4, 2], seed: 0)
        #expect(x.dtype == .float32 && r.dtype == .float32)
        #expect(try x.sizes == [2, 2] && r.sizes == [4, 2])
        #expect(try r.floats == Tensor.randn([4, 2], seed: 0).floats && r.floats != Tensor.randn([4, 2], seed: 1).floats)
        let size: SymInt = x.shape[0]
        #expect(Int(size) == 2 && x.shape.map { Int($0) } == [2, 2])
        #expect(try x.matmul(x.transposed(0, 1)).floats == [5, 11, 11, 25])
        #expect(try (x.matmul(x.transposed(0, 1)) + 1).floats == [6, 12, 12, 26])
        #expect(try x.sum(dim: 1, keepDim: true).sizes == [2, 1])
        #expect(try x.softmax(dim: -1).sum(dim: 1).floats.allSatisfy { abs($0 - 1) < 1e-6 })
        for (found, expected) in [(try x.cos(), cos), (try x.sin(), sin)] as [(Tensor, (Double) -> Double)] {
            #expect(try zip(found.floats, x.floats).allSatisfy { abs(Double($0) - expected(Double($1))) < 1e-6 })
        }
        #expect(try x.reshaped([2, -1]).sizes == [2, 2])
        #expect(try x[0].floats == [1, 2] && x[1..., .all].floats == [3, 4])
        #expect(try x.array(of: Float.self) == [1, 2, 3, 4])
        let w = try Tensor([[1.0], [1.0]])
        let b = try Tensor([10.0])
        let y = try x.matmul(w) + b
        #expect(try y.array(of: Float.self) == [13, 17])
        let kinds: [(Tensor, DType)] = [
            (try Tensor([[1, 2], [3, 4]]), .int64), (try Tensor([true, false]), .bool), (try Tensor([1, 2], dtype: .int32), .int32),
        ]
        for (tensor, dtype) in kinds { #expect(tensor.dtype == dtype) }
        let n = try Tensor(7)
        let read: SymInt = try n.item()
        #expect(Int(read) == 7)
        let floating: SymFloat = try x[0, 0].item(SymFloat.self)
        #expect(try floating.requireConstant() == 1 && x[0, 1].item(Float.self) == 2 && (x[0, 0] .> 0).item(Bool.self))
        #expect("\(x)" == "[[1. 2.]\n [3. 4.]]")
        print(x)
    }

    @Test func makingTensors() throws {
        let made: [(Tensor, [Int])] = [
            (try .zeros([2, 3]), [2, 3]), (try .ones([2]), [2]), (try .full([2], 3.0), [2]), (try .arange(5), [5]),
            (try .arange(1, 6, step: 2), [3]),
            (try .linspace(0, 1, steps: 5), [5]), (try .eye(3), [3, 3]), (try .rand([4], seed: 1), [4]),
            (try .randint(0, 9, [4], seed: 1), [4]),
        ]
        for (tensor, sizes) in made { #expect(try tensor.sizes == sizes) }
        let dtypes: [DType] = [
            .bool, .uint8, .int8, .int16, .int32, .int64, .float16, .bfloat16, .float32, .float64, .complex64, .complex128,
        ]
        for dtype in dtypes { #expect(try Tensor.ones([2], dtype: dtype).dtype == dtype) }
    }

    /// Operations throw `TensorError`, a struct with code, message and site; they never trap.
    @Test func errorsOfTensors() throws {
        let x = try Tensor([[1.0, 2], [3, 4]])
        let line: Int = #line + 1
        let product = { (x: Tensor) in try x.matmul(Tensor.ones([3, 2])) * 1 }
        let error = #expect(throws: TensorError.self) { try product(x) }
        #expect(error?.code == .shapeMismatch)
        #expect(error?.message == "shapes [2, 2] and [3, 2] can't be multiplied: the inner sizes are 2 and 3")
        #expect(error?.site?.location?.line == line)
    }

    @Test func sizesThrowWhileTheyAreDynamic() throws {
        let x = try Tensor.ones([4, 2])
        // The error ends the export, even where the function catches it.
        let message = text {
            _ = try export(
                { (x: Tensor) in
                    _ = try? x.sizes
                    return x
                }, args: x, constraints: [dynamicDim(x, 0)])
        }
        #expect(
            message
                == "sizes: the shape [x.shape[0], 2] is symbolic while tracing; use 'shape' instead, or Int(x.shape[d]) to specialise a dimension"
        )
        #expect(try x.sizes == [4, 2])
    }

    @Test func constraints() throws {
        let (x, y) = (try Tensor.ones([8]), try Tensor.ones([8]))
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            let n = x.shape[0]
            try check(n % 2 == 0, "even sizes only")
            return try x + y.sum()
        }
        let lists: [[any ConstraintConvertible]] = [
            [dynamicDim(x, 0) % 2 == 0, dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 8],
            [dynamicDim(x, 0) % 2 == 0, dynamicDim(x, 0).in(3...8)],
            [dynamicDim(x, 0).in([8, 16, 32])], [dynamicDim(x, 0) == dynamicDim(y, 0), dynamicDim(x, 0) % 2 == 0],
        ]
        for constraints in lists {
            let program = try export(f, args: x, y, constraints: constraints)
            let output: Tensor = try program(x, y)
            #expect(try output.floats == Array(repeating: 9, count: 8))
        }
        let b = try number(4).item()
        #expect(try Int(constrainAsValue(b, min: 3, max: 5)) == 4 && Int(constrainAsSize(b, min: 3, max: 5)) == 4)
        #expect(try Int(constrainAsValue(b)) == 4 && Int(constrainAsSize(b)) == 4)
        #expect(text { _ = try f(Tensor.ones([3]), y) } == "even sizes only")
    }

    final class MLP: Module {
        @Parameter var weight: Tensor
        @Buffer var count: Tensor
        let first: Linear

        init() throws {
            weight = try Tensor.ones([3])
            count = try Tensor.zeros([])
            first = try Linear(2, 3)
        }

        func forward(_ x: Tensor) throws -> Tensor {
            count = try count + 1
            return try first(x) * weight
        }
    }

    @Test func modules() throws {
        let model = try MLP()
        let before: [Tensor] = model.parameters()
        let stateDict: [String: Tensor] = model.stateDict()
        #expect(before.count == 3)
        #expect(stateDict.keys.sorted() == ["count", "first.bias", "first.weight", "weight"])
        try model.load(stateDict, strict: true)
        let (x, y) = (try Tensor.ones([4, 2]), try Tensor.ones([4, 3]))
        func loss(_ model: MLP, _ x: Tensor, _ y: Tensor) throws -> Tensor { try mseLoss(model(x), y) }
        let (value, gradients) = try valueAndGradient(of: model) { try loss($0, x, y) }
        #expect(try value.sizes == [] && gradients["weight"]?.sizes == [3])
    }

    @Test func exporting() throws {
        func f(_ x: Tensor, _ y: Tensor) throws -> Tensor { try x * y }
        func g(_ x: Tensor) throws -> Tensor { try x + 1 }
        let model = try MLP()
        let (x, y) = (try Tensor.ones([4, 2]), try Tensor.ones([1, 2]))
        let p = try export(f, args: x, y, constraints: [dynamicDim(x, 0) >= 3])
        let q = try export(model, args: x, constraints: [])
        let e = try export(["prefill": EntryPoint(f, args: x, y), "decode": EntryPoint(g, args: x)], of: model)
        let entry = try #require(e["decode"])
        let decode: Tensor = try entry(x)
        #expect(try decode.floats == Array(repeating: 2, count: 8) && q.graphSignature.parameters.count == 3)
        let lossFunction = { (x: Tensor, y: Tensor) in try (model(x).sum() * y).sum() }
        let j = try exportJoint(lossFunction, of: model, args: x, y)
        #expect(j.graphSignature.backwardSignature != nil && p.graphSignature.backwardSignature == nil)
        let out: Tensor = try p(x, y)
        let flat: [Tensor] = try p.run([x, y])
        #expect(try out.floats == flat[0].floats && flat.count == 1)
    }

    private struct Nothing: GraphPass {
        let name: String
        func run(_ graph: Graph) throws -> Graph { graph }
    }

    @Test func theArtifact() throws {
        let model = try MLP()
        let x = try Tensor.ones([4, 2])
        let p = try export(model, args: x, constraints: [dynamicDim(x, 0) >= 3])
        #expect(p.graphModule.graph.description == p.graph.description)
        let signature = p.graphSignature
        #expect(signature.parameters == ["weight", "first.weight", "first.bias"] && signature.buffers == ["count"])
        #expect(signature.userInputs == ["x"] && signature.userOutputs.count == 1)
        #expect(signature.inputsToParameters["p_first_bias"] == "first.bias" && signature.inputsToBuffers == ["b_count": "count"])
        #expect(Array(signature.buffersToMutate.values) == ["count"] && signature.backwardSignature == nil)
        let j = try exportJoint({ (x: Tensor) in try model(x).sum() }, of: model, args: x, withRespectTo: [x])
        #expect(j.graphSignature.backwardSignature?.gradientsToParameters.count == 3)
        #expect(j.graphSignature.backwardSignature?.gradientsToUserInputs.count == 1)
        #expect(j.graphSignature.backwardSignature?.lossOutput == j.graphSignature.userOutputs[0])
        #expect(p.callSpec.inSpec.description == "(*)" && p.callSpec.outSpec.description == "*")
        #expect(p.stateDict.keys.sorted() == ["count", "first.bias", "first.weight", "weight"])
        let s = try #require(p.symbolToRange.keys.first)
        #expect(p.symbolToRange[s]?.lowerBound == 3 && p.symbolToRange[s]?.upperBound == .max && p.symbolToRange[s]?.contains(3) == true)
        let (passA, passB) = (Nothing(name: "a"), Nothing(name: "b"))
        let t = try p.transform(passA, passB)
        let u = try p.addRuntimeAssertions()
        #expect(t.description == p.description && u.graph.nodes.count > p.graph.nodes.count)
        let path = temporaryPath(".pt2")
        defer { try? FileManager.default.removeItem(atPath: path) }
        try p.save(to: path)
        let p2 = try ExportedProgram.load(from: path)
        let (out, again): (Tensor, Tensor) = (try p(x), try p2(x))
        #expect(try out.floats == again.floats)
        // A readable program: signature, nodes with dtype, shape and site, guards, ranges.
        let printed = "\(p)"
        for part in [
            "parameters: weight, first.weight, first.bias", "s0 = x.shape[0] in 3...max", "float32[s0, 3]", "PublicNamesTests.swift:",
        ] {
            #expect(printed.contains(part), "\(part)")
        }
        print(p)
    }
}
