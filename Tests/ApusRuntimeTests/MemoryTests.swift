import ApusGraph
import ApusSymbolic
import ApusTensor
import CApusKernels
import CMallocCount
import Testing

@testable import ApusRuntime

@Suite(.serialized) struct MemoryTests {
    /// A reproducible stream of numbers.
    private struct Numbers {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(max(bound, 1)))
        }
    }

    @Test func placesNeverOverlap() {
        var numbers = Numbers(state: 7)
        for _ in 0..<300 {
            let items: [ArenaLayout.Item] = (0..<(1 + numbers.next(40))).map { _ in
                let first = numbers.next(50)
                return ArenaLayout.Item(byteCount: numbers.next(5000), lifetime: Lifetime(first: first, last: first + numbers.next(12)))
            }
            let layout = ArenaLayout(items)
            var mostAtOnce = 0
            for step in 0..<70 {
                let live = items.indices.filter { items[$0].lifetime.first <= step && step <= items[$0].lifetime.last }
                mostAtOnce = max(mostAtOnce, live.reduce(0) { $0 + (items[$1].byteCount + 63) / 64 * 64 })
                for a in live {
                    #expect(layout.offsets[a] % 64 == 0)
                    #expect(layout.offsets[a] + items[a].byteCount <= layout.byteCount)
                    for b in live where a < b && items[a].byteCount > 0 && items[b].byteCount > 0 {
                        let apart =
                            layout.offsets[a] + items[a].byteCount <= layout.offsets[b]
                            || layout.offsets[b] + items[b].byteCount <= layout.offsets[a]
                        #expect(apart)
                    }
                }
            }
            #expect(layout.byteCount <= 2 * mostAtOnce)
        }
    }

    /// Random programs: planned and plain execution agree bit for bit, and no step reads bytes that another has written over.
    @Test func randomPrograms() throws {
        var numbers = Numbers(state: 42)
        for round in 0..<60 {
            let n = Sizes(1).sizes[0]
            var program = try Program(float32([n, 4]), float32([4]), .tensor(TensorSpec(.bool, .scalar)))
            var wide: [Value] = [program.inputs[0]]
            for _ in 0..<(3 + numbers.next(25)) {
                let (a, b) = (wide[numbers.next(wide.count)], wide[numbers.next(wide.count)])
                switch numbers.next(10) {
                case 0: wide.append(try program.add("aten::cos", .tensor(a)))
                case 1: wide.append(try program.add("aten::add.Tensor", .tensor(a), .tensor(b), .int(1)))
                case 2: wide.append(try program.add("aten::mul.Tensor", .tensor(a), .tensor(program.inputs[1])))
                case 3:
                    let turned = try program.add("aten::transpose.int", .tensor(a), .int(0), .int(1))
                    let flat = try program.add("aten::reshape", .tensor(turned), .ints([n * 4]))
                    wide.append(try program.add("aten::reshape", .tensor(flat), .ints([n, 4])))
                case 4:
                    let sum = try program.add("aten::sum.dim_IntList", .tensor(a), .ints([1]), .bool(true), .none)
                    wide.append(try program.add("aten::mul.Tensor", .tensor(b), .tensor(sum)))
                case 5:
                    let flat = try program.add("aten::reshape", .tensor(a), .ints([4 * n]))
                    let sin = try program.add("aten::sin", .tensor(flat))
                    wide.append(try program.add("aten::reshape", .tensor(sin), .ints([n, 4])))
                case 6: wide.append(try program.add("aten::neg", .tensor(a)))
                case 7: wide.append(try program.add("aten::clone", .tensor(a), .none))
                case 8:
                    let c = wide[numbers.next(wide.count)]
                    let inner = try program.add("aten::cat", .tensors([a, b]), .int(0))
                    let outer = try program.add("aten::cat", .tensors([c, inner, b]), .int(0))
                    wide.append(try program.add("aten::slice.Tensor", .tensor(outer), .int(0), .int(n), .int(n * 2), .int(1)))
                default:
                    var bodies: [GraphArgument] = []
                    for name in ["aten::cos", "aten::neg"] {
                        var inner = try Program(float32([n, 4]), float32([n, 4]))
                        let first = try inner.add(name, .tensor(inner.inputs[0]))
                        let second = try inner.add("aten::add.Tensor", .tensor(first), .tensor(inner.inputs[1]), .int(1))
                        bodies.append(.graph(GraphBody(inner.graph(second, first))))
                    }
                    let type = try float32([n, 4])
                    wide += program.copy.append(
                        .cond, [.tensor(program.inputs[2]), bodies[0], bodies[1], .tensors([a, b])], types: [type, type])
                }
            }
            let outputs = (0..<(1 + numbers.next(3))).map { _ in wide[numbers.next(wide.count)] } + [wide[wide.count - 1]]
            let graph = program.graph(outputs)
            let plans = try everyPlan(graph)
            for size in [3, 1, 17] {
                for choice in [true, false] {
                    let inputs = [try ramp([size, 4], round), try ramp([4], round + 1), try Tensor([choice], shape: [])]
                    for plan in plans {
                        try expectAgrees(plan, graph, inputs)
                        let check = ArenaCheck(try plan.bind(inputs))
                        #expect(check.offences.isEmpty, "round \(round), \(plan.pipeline.names): \(check.offences.first ?? "")\n\(graph)")
                    }
                }
            }
        }
    }

    /// The check itself must find what is wrong.
    @Test func theCheckFindsOverlaps() throws {
        var program = try Program(float32([64]))
        let cos = try program.add("aten::cos", .tensor(program.inputs[0]))
        let sin = try program.add("aten::sin", .tensor(program.inputs[0]))
        let sum = try program.add("aten::sum.dim_IntList", .tensor(cos), .ints([0]), .bool(false), .none)
        let other = try program.add("aten::sum.dim_IntList", .tensor(sin), .ints([0]), .bool(false), .none)
        let plan = try Plan(program.graph(sum, other))
        let bound = try plan.bind([ramp([64])])
        #expect(ArenaCheck(bound).offences.isEmpty)
        #expect(!ArenaCheck(bound, offsets: bound.placement.offsets.map { $0.map { _ in 0 } }).offences.isEmpty)
    }

    @Test func longChainsNeedLittleMemory() throws {
        var program = try Program(float32([1024]))
        var value = program.inputs[0]
        // Sums along the way, since elementwise operations alone would become one.
        for _ in 0..<100 { value = try program.add("aten::cumsum", .tensor(value), .int(0), .none) }
        let sum = try program.add("aten::sum.dim_IntList", .tensor(value), .ints([0]), .bool(false), .none)
        let bound = try Plan(program.graph(sum)).bind([ramp([1024])])
        // A sum reads one and writes the other.
        #expect(bound.placement.byteCount == 2 * 4096)
        let placed = zip(bound.blocks, bound.placement.offsets).filter { $1 != nil }
        #expect(placed.reduce(0) { $0 + $1.0.byteCount } == 100 * 4096)
    }

    /// In the steady state a run takes memory for its results and nothing else, however many nodes there are. What this thread did counts:
    /// other tests run at the same time.
    @Test func runsAllocateTheirResultsOnly() throws {
        var mallocs: [Int64] = []
        for nodes in [10, 300] {
            let n = Sizes(1).sizes[0]
            var program = try Program(float32([n, 8]))
            var value = program.inputs[0]
            for index in 0..<nodes {
                switch index % 4 {
                case 0: value = try program.add("aten::add.Tensor", .tensor(value), .tensor(program.inputs[0]), .int(1))
                case 1: value = try program.add("aten::transpose.int", .tensor(value), .int(0), .int(1))
                case 2: value = try program.add("aten::cos", .tensor(value))
                default: value = try program.add("aten::transpose.int", .tensor(value), .int(0), .int(1))
                }
            }
            let sum = try program.add("aten::sum.dim_IntList", .tensor(value), .ints([1]), .bool(false), .none)
            let plan = try Plan(program.graph(sum, value))
            let x = try ramp([5, 8])
            for _ in 0..<3 { _ = try plan.run([x]) }
            let (before, count) = (apus_allocator_get_thread_counts(), apus_malloc_count())
            for _ in 0..<10 { _ = try plan.run([x]) }
            let (after, counted) = (apus_allocator_get_thread_counts(), apus_malloc_count())
            #expect(after.allocations - before.allocations == 20, "\(nodes) nodes")
            #expect(after.frees - before.frees == 20)
            mallocs.append(counted - count)
        }
        // Objects around the results, and no more of them for more nodes.
        #expect(mallocs[0] == mallocs[1])
    }
}
