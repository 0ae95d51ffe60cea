import ApusNN
import ApusTensor
import Testing

@Suite struct StateDictTests {
    @Test func roundTrip() throws {
        let (source, target) = (try Nested(), try Nested())
        source.scale = try Tensor.full([], 7.0)
        source.layers[0].weight = try Tensor([5, 6] as [Float], shape: [2])
        let report = try target.load(source.stateDict(), strict: true)
        #expect(report.missing.isEmpty && report.unexpected.isEmpty)
        #expect(try target.scale.array(of: Float.self) == [7])
        #expect(try target.layers[0].weight.array(of: Float.self) == [5, 6])
    }

    @Test func everythingThatDoesNotFitIsNamedAtOnceAndNothingChanges() throws {
        let module = try Nested()
        var dictionary = module.stateDict()
        dictionary["stem.weight"] = nil
        dictionary["extra.weight"] = nil
        dictionary["zebra"] = try Tensor.ones([1])
        dictionary["apple.weight"] = try Tensor.ones([1])
        dictionary["scale"] = try Tensor.full([3], 9.0)
        dictionary["layers.0.bias"] = try Tensor.ones([2], dtype: .float64)
        dictionary["layers.0.weight"] = try Tensor.full([2], 9.0)
        let before = try module.layers[0].weight.array(of: Float.self)
        do {
            try module.load(dictionary, strict: true)
            Issue.record("no error")
        } catch let error as StateDictMismatch {
            #expect(
                "\(error)" == """
                    Nested: the state dictionary does not fit
                      missing: stem.weight, extra.weight
                      unexpected: apple.weight, zebra
                      scale: expected float32[], found float32[3]
                      layers.0.bias: expected float32[2], found float64[2]
                    """)
        }
        #expect(try module.layers[0].weight.array(of: Float.self) == before)
    }

    @Test func lenientLoadingReportsNamesButNotShapes() throws {
        let module = try Affine()
        let report = try module.load(["weight": try Tensor.full([2], 5.0), "other": try Tensor.ones([1])], strict: false)
        #expect(report.missing == ["bias"])
        #expect(report.unexpected == ["other"])
        #expect(try module.weight.array(of: Float.self) == [5, 5])
        #expect(throws: StateDictMismatch.self) { try module.load(["weight": try Tensor.ones([3])], strict: false) }
    }

    @Test func tiesSurviveLoadingAndAreNotMade() throws {
        let tied = try Tied()
        let value = try Tensor.full([2], 5.0)
        try tied.load(["by_box": value, "by_tensor": value.clone(), "first.weight": value])
        #expect(tied.parameters().count == 1)
        #expect(try tied.byTensor.array(of: Float.self) == [5, 5])

        let free = try Affine()
        try free.load(["weight": value, "bias": value])
        #expect(free.parameters().count == 2)

        do {
            try tied.load(["by_box": value, "by_tensor": try Tensor.ones([2]), "first.weight": value])
            Issue.record("no error")
        } catch let error as StateDictMismatch {
            #expect("\(error)" == "Tied: the state dictionary does not fit\n  by_tensor: differs from by_box, to which it is tied")
        }
    }

    @Test func dictionariesAreValues() throws {
        let counter = try Counter()
        let before = counter.stateDict()
        _ = try counter(try Tensor.ones([1]))
        #expect(try before["count"]?.array(of: Float.self) == [0])
    }
}

@Suite struct ReplacementTests {
    @Test func stateIsPutBackWhateverHappens() throws {
        let counter = try Counter()
        let state = try ModuleState(of: counter)
        let stand = try state.slots.map { try $0.tensor + 10 }
        let run = try state.withReplaced(stand) { try counter(try Tensor.ones([1])) }
        #expect(try run.result.array(of: Float.self) == [11])
        #expect(try run.final[0]?.array(of: Float.self) == [11])
        #expect(run.final[0]?.identity != stand[0].identity)
        #expect(run.final[1]?.identity == stand[1].identity)
        #expect(try counter.count.array(of: Float.self) == [0])

        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try state.withReplaced(stand) {
                _ = try counter(try Tensor.ones([1]))
                throw Stop()
            }
        }
        #expect(try counter.count.array(of: Float.self) == [0])
        #expect(throws: TensorError.self) { try state.withReplaced([]) {} }
    }

    @Test func tiedNamesStayTied() throws {
        let tied = try Tied()
        let state = try ModuleState(of: tied)
        let run = try state.withReplaced([try Tensor.full([2], 2.0)]) { try tied(try Tensor.ones([2])) }
        #expect(try run.result.array(of: Float.self) == [8, 8])
    }

    @Test func stateThatAppearsIsAnError() throws {
        final class Lazy: Module {
            @Buffer var cache: Tensor?
            init() { cache = nil }
            func forward(_ x: Tensor) throws -> Tensor {
                cache = x
                return x
            }
        }
        let lazy = Lazy()
        let state = try ModuleState(of: lazy)
        do {
            _ = try state.withReplaced([]) { try lazy(try Tensor.ones([1])) }
            Issue.record("no error")
        } catch let error as ModuleError {
            #expect(
                "\(error)"
                    == "Lazy: property 'cache' was nil before the module ran and has a value after it; set it in the initialiser")
        }
        #expect(lazy.cache == nil)
    }

    @Test func observersSeeWhichModuleRuns() throws {
        final class Watcher: Interpreter, ModuleObserver {
            var log: [String] = []
            func moduleWillRun(_ module: any Module) { log.append("> \(type(of: module))") }
            func moduleDidRun(_ module: any Module) { log.append("< \(type(of: module))") }
        }
        let watcher = Watcher()
        let tied = try Tied()
        _ = try Interpreter.with(watcher) { try tied(try Tensor.ones([2])) }
        #expect(watcher.log == ["> Tied", "> Affine", "< Affine", "< Tied"])
        #expect(throws: TensorError.self) { try Interpreter.with(watcher) { try tied(try Tensor.ones([3])) } }
        #expect(watcher.log.count == 8)
    }
}
