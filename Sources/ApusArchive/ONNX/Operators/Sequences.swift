import ApusSymbolic
import ApusTensor

// Sequences and optionals resolve while a model is read: no program holds one, but what they hold.

extension ONNXOperatorTable {
    static let sequences: [ONNXOperator] = [
        sequence("SequenceEmpty") { _ in ONNXValue(.sequence([]), .float32) },
        sequence("SequenceConstruct") { call in
            let items: [ONNXValue] = call.inputs.compactMap { $0 }
            return ONNXValue(.sequence(items), items.first?.element ?? .float32)
        },
        sequence("SequenceLength") { call in ONNXValue(try Tensor([try items(call).count], shape: [])) },
        sequence("SequenceAt") { call in
            let all: [ONNXValue] = try items(call)
            return all[try position(call, 1, count: all.count)]
        },
        sequence("SequenceInsert") { call in
            var all: [ONNXValue] = try items(call)
            let place: Int = call.has(2) ? try position(call, 2, count: all.count, mayBeEnd: true) : all.count
            all.insert(try call.value(1), at: place)
            return ONNXValue(.sequence(all), try call.element(1))
        },
        sequence("SequenceErase") { call in
            var all: [ONNXValue] = try items(call)
            guard !all.isEmpty else { throw call.error(.invalidProgram, "takes an item from an empty sequence") }
            all.remove(at: call.has(1) ? try position(call, 1, count: all.count) : all.count - 1)
            return ONNXValue(.sequence(all), try call.element(0))
        },
        sequence("SplitToSequence") { try split($0) },
        sequence("ConcatFromSequence") { call in
            let tensors: [Tensor] = try items(call).map { try $0.tensor() }
            guard let first = tensors.first else { throw call.error(.invalidProgram, "joins an empty sequence") }
            let isNew: Bool = try call.flag("new_axis")
            let axis: Int = try call.axis("axis", 0, rank: first.rank + (isNew ? 1 : 0))
            return ONNXValue(
                .tensor(isNew ? try Tensor.stack(tensors, dim: axis) : try Tensor.cat(tensors, dim: axis)), try call.element(0))
        },
        ONNXOperator("SequenceMap", results: .own, isFolded: false, values: { try map($0) }),
        sequence("Optional") { call in call.inputs.isEmpty ? ONNXValue(.nothing, .float32) : try call.value(0) },
        sequence("OptionalHasElement") { call in ONNXValue(try Tensor([call.has(0)], shape: [])) },
        sequence("OptionalGetElement") { call in
            guard call.has(0) else { throw call.error(.invalidProgram, "takes the value of an optional without one") }
            return try call.value(0)
        },
    ]

    private static func sequence(_ name: String, _ body: @escaping @Sendable (ONNXCall) throws -> ONNXValue) -> ONNXOperator {
        ONNXOperator(name, results: .own, isFolded: false, values: { [try body($0)] })
    }

    private static func items(_ call: ONNXCall) throws -> [ONNXValue] {
        guard let items = try call.value(0).sequence else { throw call.error(.invalidProgram, "takes a sequence") }
        return items
    }

    private static func position(_ call: ONNXCall, _ index: Int, count: Int, mayBeEnd: Bool = false) throws -> Int {
        guard let given = try call.constants(index).first else { throw call.error(.invalidProgram, "lacks its position") }
        let place: Int = given < 0 ? given + count : given
        guard place >= 0, mayBeEnd ? place <= count : place < count else {
            throw call.error(.invalidProgram, "takes the item \(given) of a sequence of \(count)")
        }
        return place
    }

    private static func split(_ call: ONNXCall) throws -> ONNXValue {
        let x: Tensor = try call.tensor(0)
        let axis: Int = try call.axis("axis", 0, rank: x.rank)
        let parts: [Tensor]
        if call.has(1), try call.tensor(1).rank == 0 {
            parts = try x.split(try call.size(1), dim: axis)
        } else if call.has(1) {
            parts = try x.split(sizes: try call.sizes(1), dim: axis)
        } else {
            guard let count = x.shape[axis].constant, count <= 1 << 16 else {
                throw call.error("splits \(x.spec) into as many parts as a run tells")
            }
            parts = try x.split(1, dim: axis).map { try call.flag("keepdims", true) ? $0 : try $0.squeezed(axis) }
        }
        return ONNXValue(.sequence(parts.map { ONNXValue($0) }), try call.element(0))
    }

    private static func map(_ call: ONNXCall) throws -> [ONNXValue] {
        guard let bodies = call.bodies else { throw call.error("has no body") }
        let graph = try call.graph("body")
        let first: [ONNXValue] = try items(call)
        var results: [[ONNXValue]] = graph.output.map { _ in [] }
        for index in first.indices {
            let inputs: [ONNXValue] = try call.inputs.compactMap { $0 }.map { input in
                guard let items = input.sequence else { return input }
                guard items.indices.contains(index) else { throw call.error(.invalidProgram, "takes sequences of different lengths") }
                return items[index]
            }
            for (place, value) in try bodies.run(graph, inputs).enumerated() { results[place].append(value) }
        }
        return results.map { ONNXValue(.sequence($0), $0.first?.element ?? .float32) }
    }
}
