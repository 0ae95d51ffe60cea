import ApusNN
import ApusTensor
import Testing

@Suite struct HookTests {
    private func ones() throws -> Tensor { try Tensor.ones([2]) }

    @Test func hooksSeeAndChangeInputsAndOutputs() throws {
        let model = Sequential(try Affine(), try Affine())
        let first = try #require(model.layers[0] as? Affine)
        var seen: [[Float]] = []
        let before = first.registerForwardPreHook { _, x in try x * 3 }
        let after = first.registerForwardHook { module, x, y in
            #expect(module === first)
            seen += [try x.array(of: Float.self), try y.array(of: Float.self)]
            return nil
        }
        #expect(try model(ones()).array(of: Float.self) == [3, 3])
        #expect(seen == [[3, 3], [3, 3]])
        let doubled = first.registerForwardHook { _, _, y in try y * 2 }
        #expect(try model(ones()).array(of: Float.self) == [6, 6])
        for handle in [before, after, doubled, doubled] { handle.remove() }
        #expect(try model(ones()).array(of: Float.self) == [1, 1])
        #expect(seen.count == 4)
    }

    @Test func severalArgumentsAreOneTuple() throws {
        let module = TwoInputs()
        let before = module.registerForwardPreHook { _, x, y in (try x + 1, y + y) }
        let after = module.registerForwardHook { _, _, y, output in (try output.0 * 2, output.1 + y.count) }
        defer { for handle in [before, after] { handle.remove() } }
        let (sum, count) = try module(ones(), [ones()])
        #expect(try sum.array(of: Float.self) == [6, 6])
        #expect(count == 4)
        let three = ThreeInputs()
        let handle = three.registerForwardHook { _, _, _, n, output in try output + n }
        defer { handle.remove() }
        #expect(try three(ones(), nil, 3).array(of: Float.self) == [6, 6])
    }

    @Test func hooksOfAllModulesRunFirst() throws {
        let model = Sequential(try Affine(), try Affine())
        var names: [String] = []
        let own = model.registerForwardHook { _, _, _ in
            names.append("own")
            return nil
        }
        let all = registerModuleForwardHook { module, _, _ in
            // Other tests call modules meanwhile.
            if module === model || model.layers.contains(where: { $0 === module }) { names.append("\(type(of: module))") }
            return nil
        }
        _ = try model(ones())
        all.remove()
        own.remove()
        #expect(names == ["Affine", "Affine", "Sequential", "own"])
    }

    /// What a hook computes is part of the loss, and errors of hooks are thrown.
    @Test func gradientsGoThroughHooks() throws {
        struct Stop: Error {}
        let model = try Affine()
        let x: Tensor = try ones()
        let handle = model.registerForwardHook { _, _, y in try y * y }
        #expect(try gradient(of: model) { try $0(x).sum() }["weight"]?.array(of: Float.self) == [2, 2])
        handle.remove()
        let failing = model.registerForwardPreHook { _, _ in throw Stop() }
        #expect(throws: Stop.self) { try model(x) }
        failing.remove()
    }

    @Test func layersThatAreCalledUnderMasksHaveHooksToo() throws {
        let layer = try TransformerEncoderLayer(4, 1, dimFeedforward: 4, dropout: 0)
        var calls = 0
        let handle = layer.registerForwardHook { _, _, _ in
            calls += 1
            return nil
        }
        defer { handle.remove() }
        _ = try TransformerEncoder([layer]).encode(Tensor.ones([2, 1, 4]), isCausal: false)
        #expect(calls == 1)
    }
}

@Suite(.serialized) struct CheckpointTests {
    /// A block whose insides are much larger than what goes in and out.
    private final class Wide: Module {
        let up: Linear
        let norm: BatchNorm1d
        let dropout: Dropout
        let down: Linear

        init(_ width: Int) throws {
            up = try Linear(8, width)
            norm = try BatchNorm1d(width)
            dropout = try Dropout(0.5)
            down = try Linear(width, 8)
        }

        func forward(_ x: Tensor) throws -> Tensor { try down(dropout(norm(up(x)).gelu())) + x }
    }

    private final class Stack: Module {
        let blocks: [Wide]
        let isCheckpointed: Bool

        init(_ count: Int, _ width: Int, isCheckpointed: Bool) throws {
            blocks = try (0..<count).map { _ in try Wide(width) }
            self.isCheckpointed = isCheckpointed
        }

        func forward(_ x: Tensor) throws -> Tensor {
            var x: Tensor = x
            for block in blocks { x = try isCheckpointed ? checkpoint(block, x) : block(x) }
            return x
        }
    }

    private func run(_ model: Stack, _ x: Tensor) throws -> (loss: [Float], gradients: ModuleGradients) {
        let (loss, gradients) = try valueAndGradient(of: model) { try $0(x).square().mean() }
        return (try loss.array(of: Float.self), gradients)
    }

    /// The same bits, numbers drawn and running statistics included.
    @Test func resultsAreThoseOfThePlainCall() throws {
        let (plain, checkpointed) = (try Stack(3, 16, isCheckpointed: false), try Stack(3, 16, isCheckpointed: true))
        try checkpointed.load(plain.stateDict())
        let x = try Tensor.randn([4, 8], seed: 1)
        // The default generator is every test's: both draw from one of their own.
        func seeded(_ model: Stack) throws -> (loss: [Float], gradients: ModuleGradients) {
            for block in model.blocks { try block.dropout.train(false) }
            return try run(model, x)
        }
        let (a, b) = (try seeded(plain), try seeded(checkpointed))
        #expect(a.loss == b.loss)
        #expect(a.gradients.entries.count == 18)
        for (one, other) in zip(a.gradients.entries, b.gradients.entries) {
            #expect(one.names == other.names)
            #expect(try one.gradient?.array(of: Float.self) == other.gradient?.array(of: Float.self), "\(one.names)")
        }
        for (one, other) in zip(plain.namedBuffers(), checkpointed.namedBuffers()) {
            #expect(try one.tensor.array(of: Float.self) == other.tensor.array(of: Float.self), "\(one.name)")
        }
        #expect(try checkpointed.blocks[0].norm.numBatchesTracked?.array(of: Int.self) == [1])
    }

    /// Dropout drops the same elements when a part is computed again: the gradient of the input is where the output is.
    @Test func drawingsAreRepeated() throws {
        let dropout = try Dropout(0.5)
        let x = try Tensor.ones([512])
        var output = x
        let gradient: Tensor = try gradient(at: x) { x in
            output = try checkpoint { try dropout(x) * x }
            return try output.sum()
        }
        let (kept, slopes) = (try output.array(of: Float.self), try gradient.array(of: Float.self))
        #expect(zip(kept, slopes).allSatisfy { $0 == 0 ? $1 == 0 : $1 == 4 })
        #expect(kept.contains(0) && kept.contains(2))
    }

    @Test func memoryInUseIsLess() throws {
        let x = try Tensor.randn([256, 8], seed: 2)
        func peak(_ isCheckpointed: Bool) throws -> Int {
            let model = try Stack(8, 512, isCheckpointed: isCheckpointed)
            AllocatorStatistics.resetPeak()
            let start: Int = AllocatorStatistics.current.bytesInUse
            _ = try run(model, x)
            return AllocatorStatistics.current.peakBytesInUse - start
        }
        // Other tests allocate meanwhile: the least of some runs counts.
        let plain: Int = try (0..<3).map { _ in try peak(false) }.min() ?? 0
        let checkpointed: Int = try (0..<3).map { _ in try peak(true) }.min() ?? 0
        #expect(checkpointed * 2 < plain, "\(checkpointed) bytes against \(plain)")
    }

    @Test func partsMayHaveSeveralResultsAndNoGradients() throws {
        let (x, y) = (try Tensor([1, 2, 3] as [Double], shape: [3]), try Tensor([4, 5, 6] as [Double], shape: [3]))
        let (value, gradients) = try valueAndGradient(at: [x, y]) { z in
            let parts: [Tensor] = try checkpoint { [try z[0] * z[1], try z[0].sin(), z[1], try z[0].argmax()] }
            return try (parts[0] + parts[2]).sum()
        }
        #expect(try value.array(of: Double.self) == [47])
        #expect(try gradients[0].array(of: Double.self) == [4, 5, 6])
        #expect(try gradients[1].array(of: Double.self) == [2, 3, 4])
        // Simply called where nothing is recorded, and in a derivative's derivative.
        #expect(try checkpoint { try x * 2 }.array(of: Double.self) == [2, 4, 6])
        let second: Tensor = try gradient(at: x) { x in
            try gradient(at: x) { x in try checkpoint { try x.pow(3).sum() } }.sum()
        }
        #expect(try second.array(of: Double.self) == [6, 12, 18])
    }

    @Test func anotherResultTheSecondTimeIsAnError() throws {
        var calls: Int64 = 0
        let error = #expect(throws: TensorError.self) {
            try gradient(at: Tensor.ones([3])) { x in
                try checkpoint { () throws -> Tensor in
                    calls += 1
                    return try calls == 1 ? x * 2 : (x * 2).sum()
                }.sum()
            }
        }
        #expect(error?.statement == "checkpoint: the function gave float32[3] as result 0, and something else when it was called again")
    }
}
