import ApusNN
import ApusTensor
import Testing

@Suite struct DiscoveryTests {
    @Test func namesComeInPyTorchsOrder() throws {
        let names = try Nested().namedParameters().map(\.name)
        #expect(
            names == [
                "scale", "stem.weight", "stem.bias", "layers.0.weight", "layers.0.bias", "layers.1.weight", "grid.0.0.weight",
                "grid.1.0.weight",
                "heads.a.weight", "heads.b.weight", "extra.weight",
            ])
        #expect(
            try Nested().namedModules().map(\.path) == [
                "", "stem", "layers.0", "layers.1", "grid.0.0", "grid.1.0", "heads.a", "heads.b", "extra",
            ])
    }

    @Test func superclassesComeFirst() throws {
        #expect(try Derived().namedParameters().map(\.name) == ["low", "high"])
        let x = try Tensor([1, 2] as [Float], shape: [2])
        #expect(try Derived()(x).array(of: Float.self) == [16, 20])
    }

    @Test func buffersAndTheirPersistence() throws {
        let counter = try Counter()
        #expect(counter.namedBuffers().map(\.name) == ["count", "scratch"])
        #expect(counter.stateDict().keys.sorted() == ["count"])
        #expect(counter.parameters().isEmpty)
        _ = try counter(try Tensor.ones([2]))
        _ = try counter(try Tensor.ones([2]))
        #expect(try counter.stateDict()["count"]?.array(of: Float.self) == [2])
    }

    @Test func tiedParametersHaveTwoNamesAndOneStorage() throws {
        let tied = try Tied()
        #expect(tied.namedParameters().map(\.name) == ["by_box", "by_tensor", "first.weight"])
        #expect(tied.parameters().count == 1)
        let state = try ModuleState(of: tied)
        #expect(state.slots.map(\.names) == [["by_box", "by_tensor", "first.weight"]])
        #expect(Set(state.entries.map { ObjectIdentifier($0.tensor.storage) }).count == 1)
    }

    @Test func oneModuleUnderTwoNamesIsSharedNotCyclic() throws {
        final class Twice: Module {
            let a: Affine
            let b: Affine
            init() throws {
                a = try Affine(bias: false)
                b = a
            }
        }
        let twice = try Twice()
        #expect(twice.namedParameters().map(\.name) == ["a.weight", "b.weight"])
        #expect(try twice.modules().count == 2)
    }

    @Test func forwardOfOneTwoThreeArgumentsAndNone() throws {
        let x = try Tensor([1, 2] as [Float], shape: [2])
        let (sum, count) = try TwoInputs()(x, [x])
        #expect(try sum.array(of: Float.self) == [2, 4])
        #expect(count == 1)
        #expect(try ThreeInputs()(x, nil, 3).array(of: Float.self) == [3, 6])
        #expect(try NoForwardAtAll().parameters().count == 2)
        let any: any Module<Tensor, Tensor> = try Affine()
        #expect(try any(x).array(of: Float.self) == [1, 2])
    }

    @Test func trainingModeReachesEveryModule() throws {
        let nested = try Nested()
        #expect(nested.isTraining && nested.layers[1].isTraining)
        try nested.eval()
        #expect(try nested.modules().allSatisfy { !$0.isTraining })
        try nested.layers[0].train()
        #expect(nested.layers[0].isTraining && !nested.isTraining)
        try nested.train()
        #expect(try nested.modules().allSatisfy { $0.isTraining })
    }

    @Test func modesDoNotPassToLaterModules() throws {
        for _ in 0..<200 { try Affine().eval() }
        for _ in 0..<200 { #expect(try Affine().isTraining) }
    }

    @Test func conversionKeepsTiesAndIntegers() throws {
        let tied = try Tied()
        try tied.to(.float64)
        #expect(tied.namedParameters().allSatisfy { $0.tensor.dtype == .float64 })
        #expect(tied.parameters().count == 1)
        #expect(throws: TensorError.self) { try tied.to(.int32) }
    }
}

/// What a module must not store is named, never skipped.
@Suite struct UnsupportedPropertyTests {
    private func message(_ module: any Module) -> String {
        do {
            _ = try ModuleState(of: module)
            return "no error"
        } catch {
            return error.unplaced
        }
    }

    @Test func plainTensors() throws {
        final class Bad: Module {
            let table: Tensor
            init() throws { table = try Tensor.ones([2]) }
        }
        final class Outer: Module {
            let layers: [Bad]
            init() throws { layers = [try Bad()] }
        }
        let advice = "stores a tensor that is neither parameter nor buffer; declare it as @Parameter or @Buffer"
        #expect(message(try Bad()) == "Bad: property 'table' \(advice)")
        #expect(message(try Outer()) == "Outer: property 'layers.0.table' \(advice)")
        #expect(throws: ModuleError.self) { try Bad().eval() }
        #expect(throws: ModuleError.self) { try Bad().modules() }
        #expect(throws: ModuleError.self) { try Bad().load([:]) }
        #expect(throws: ModuleError.self) { try SGD(Bad(), learningRate: 1) }
        #expect(throws: ModuleError.self) { try valueAndGradient(of: Bad()) { try $0.table.sum() } }
    }

    @Test func whatGivesTensorsGivesOneThatThrows() throws {
        final class Bad: Module {
            let table: Tensor
            @Parameter var weight: Tensor
            @Buffer var count: Tensor
            init() throws {
                table = try Tensor.ones([2])
                weight = try Tensor.ones([3])
                count = try Tensor.ones([4])
            }
        }
        let bad = try Bad()
        let advice = "Bad: property 'table' stores a tensor that is neither parameter nor buffer; declare it as @Parameter or @Buffer"
        func message(_ body: () throws -> Void) -> String {
            do { try body() } catch { return error.unplaced }
            return "no error"
        }
        #expect(bad.namedParameters().map(\.name) == ["weight", "table"] && bad.parameters().count == 2)
        #expect(bad.namedBuffers().map(\.name) == ["count", "table"] && bad.buffers().count == 2)
        #expect(bad.namedState().map(\.name) == ["weight", "count", "table"])
        #expect(bad.stateDict().keys.sorted() == ["count", "table", "weight"])
        let table = try #require(bad.stateDict()["table"])
        #expect(message { _ = try table + 1 } == "add: \(advice)")
        #expect(message { _ = try Tensor.cat([table, table]) } == "cat: \(advice)")
        #expect(message { _ = try table.array(of: Float.self) } == "array: \(advice)")
        #expect(message { _ = try table.item(Float.self) } == "item: \(advice)")
        #expect("\(table)" == "Tensor(\(advice))")
        // A dictionary that lacks a tensor is not taken for a whole one.
        final class Good: Module {
            @Parameter var weight: Tensor
            @Buffer var count: Tensor
            @Buffer var table: Tensor
            init() throws {
                weight = try Tensor.zeros([3])
                count = try Tensor.zeros([4])
                table = try Tensor.zeros([])
            }
        }
        let good = try Good()
        #expect(message { try good.load(bad.stateDict()) } == "load: \(advice)")
        #expect(try good.weight.array(of: Float.self) == [0, 0, 0])
    }

    @Test func aNameThatStandsTwiceIsTheFaultyOne() throws {
        final class Twice: Module {
            @Parameter var a: Tensor
            @Parameter var b: Tensor
            static let stateNames = ["b": "a"]
            init() throws { (a, b) = (try Tensor.ones([1]), try Tensor.ones([1])) }
        }
        let tensor = try #require(try Twice().stateDict()["a"])
        let error = #expect(throws: TensorError.self) { try tensor.sin() }
        #expect(error?.message == "Twice: property 'a' has the same name as another property; rename one of them")
    }

    @Test func parametersThatWereNeverSet() throws {
        final class Unset: Module {
            @Buffer(persistent: false) var cache: Tensor
            func forward(_ x: Tensor) throws -> Tensor { try x + cache }
        }
        let error = #expect(throws: TensorError.self) { try Unset()(Tensor.ones([1])) }
        #expect(error?.statement == "add: a parameter or buffer is read that was never set")
    }

    @Test func containersOfTensorsEvenEmpty() {
        final class Bad: Module {
            let list: [Tensor] = []
            let cache: [String: Tensor] = [:]
            let maybe: Tensor? = nil
            let deep: [[Tensor?]] = []
        }
        let advice = "stores a tensor that is neither parameter nor buffer; declare it as @Parameter or @Buffer"
        #expect(
            message(Bad()) == """
                Bad: 4 properties can't be used:
                  'list' \(advice)
                  'cache' \(advice)
                  'maybe' \(advice)
                  'deep' \(advice)
                """)
    }

    @Test func hiddenTensorsAndModules() throws {
        struct Config { let table: Tensor }
        final class Cache { var inner: [Config] = [] }
        final class Bad: Module {
            let pair: (Tensor, Int)
            let config: Config
            let cache: Cache
            let any: Any
            let named: (Int, Affine)
            enum Choice { case module(Affine) }
            let choice: Choice
            init() throws {
                let x = try Tensor.ones([1])
                pair = (x, 1)
                config = Config(table: x)
                cache = Cache()
                cache.inner = [config]
                any = x
                named = (1, try Affine())
                choice = .module(try Affine())
            }
        }
        #expect(
            message(try Bad()) == """
                Bad: 6 properties can't be used:
                  'pair' hides a tensor inside (Tensor, Int); keep it in the module itself, or make (Tensor, Int) a module
                  'config' hides a tensor inside Config; keep it in the module itself, or make Config a module
                  'cache' hides a tensor inside Cache; keep it in the module itself, or make Cache a module
                  'any' stores a tensor that is neither parameter nor buffer; declare it as @Parameter or @Buffer
                  'named' hides a module inside (Int, Affine); keep it in the module itself, or make (Int, Affine) a module
                  'choice' hides a module inside Choice; keep it in the module itself, or make Choice a module
                """)
    }

    @Test func cyclesEndInAnError() throws {
        final class Loop: Module { var next: Loop? }
        let loop = Loop()
        loop.next = loop
        #expect(message(loop) == "Loop: property 'next' is the Loop that it is part of; a module can't contain itself")
        loop.next = nil
        final class Ring { var next: Ring? }
        final class Holder: Module { let ring = Ring() }
        let holder = Holder()
        holder.ring.next = holder.ring
        #expect(message(holder) == "no error")
        holder.ring.next = nil
    }

    @Test func keysAndNamesMustBeUsable() throws {
        final class Bad: Module {
            let heads: [String: Affine]
            init() throws { heads = ["a.b": try Affine()] }
        }
        #expect(
            message(try Bad()) == "Bad: property 'heads' has the key 'a.b'; keys of submodules must not be empty or contain a dot")
        class Upper: Module {
            @Parameter private var weight: Tensor
            init() throws { weight = try Tensor.ones([1]) }
        }
        final class Lower: Upper {
            @Parameter private var weight: Tensor
            override init() throws {
                weight = try Tensor.ones([1])
                try super.init()
            }
        }
        #expect(message(try Lower()) == "Lower: property 'weight' has the same name as another property; rename one of them")
    }

    @Test func unsetBuffersAreNamed() throws {
        final class Bad: Module {
            @Buffer(persistent: false) var mask: Tensor
        }
        #expect(
            message(Bad())
                == "Bad: property 'mask' was declared without a value and never set; set it in the initialiser, or declare it as Tensor?")
        #expect(throws: TensorError.self) { try Bad().mask + 1 }
    }

    @Test func customMirrorsAreRefused() throws {
        struct Sly: CustomReflectable {
            var customMirror: Mirror { Mirror(self, children: [:]) }
        }
        final class Bad: Module { let sly = Sly() }
        #expect(
            message(Bad())
                == "Bad: property 'sly' is a Sly, whose custom mirror may hide tensors; wrap it in a closure or drop the custom mirror")
    }
}

@Suite struct NestingTests {
    private final class Nest: Module {
        var inner: Nest?
        let leaf: Affine

        init(_ leaf: Affine) { self.leaf = leaf }
    }

    private func nest(_ depth: Int) throws -> (outermost: Nest, all: [Nest]) {
        let leaf = try Affine()
        let all: [Nest] = (0..<depth).map { _ in Nest(leaf) }
        for (outer, inner) in zip(all, all.dropFirst()) { outer.inner = inner }
        return (all[0], all)
    }

    @Test func depthHasALimit() throws {
        let shallow = try nest(200)
        #expect(try ModuleState(of: shallow.outermost).entries.count == 400)
        let deep = try nest(20_000)
        let error = #expect(throws: ModuleError.self) { _ = try ModuleState(of: deep.outermost) }
        let problem = try #require(error?.problems.first)
        #expect(problem.reason == .tooDeep(limit: 1000))
        #expect(
            "\(problem.reason)" == "lies inside of more than 1000 modules; make the nesting flatter, with an array of modules")
        // Taken apart from the outside, so that letting go of them is not as deep as they are.
        for module in deep.all { module.inner = nil }
    }
}

@Suite struct StateNameTests {
    @Test func propertiesHaveTorchNames() throws {
        final class Named: Module {
            @Parameter var inProjWeight: Tensor
            @Parameter var weightHH2: Tensor
            @Parameter var bn1Scale: Tensor
            let keyValue: [String: Affine]
            init() throws {
                (inProjWeight, weightHH2, bn1Scale) = (try Tensor.ones([1]), try Tensor.ones([1]), try Tensor.ones([1]))
                keyValue = ["aB": try Affine(bias: false)]
            }
        }
        // The key of a dictionary is the programmer's own.
        let names: [String] = ["in_proj_weight", "weight_hh2", "bn1_scale", "key_value.aB.weight"]
        #expect(try Named().namedState().map(\.name) == names)
    }

    @Test func propertiesMayBeRenamedAndFlattened() throws {
        final class Renamed: Module {
            @Parameter var inWeight: Tensor
            @Buffer var runningMean: Tensor
            let outProj: Affine
            static var stateNames: [String: String] { ["outProj": "projection"] }
            init() throws {
                inWeight = try Tensor.ones([1])
                runningMean = try Tensor.ones([1])
                outProj = try Affine()
            }
        }
        #expect(try Renamed().namedState().map(\.name) == ["in_weight", "running_mean", "projection.weight", "projection.bias"])
        let sequence = Sequential(try Affine(bias: false), ReLU(), Sequential(Tanh(), try Affine(bias: false)))
        #expect(sequence.namedParameters().map(\.name) == ["0.weight", "2.1.weight"])
        #expect(try sequence(try Tensor([0, -3] as [Float], shape: [2])).array(of: Float.self) == [0, 0])
    }
}
