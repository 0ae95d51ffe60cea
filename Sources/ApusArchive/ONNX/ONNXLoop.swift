import ApusGraph
import ApusONNXSchema
import ApusSymbolic
import ApusTensor

/// A model's loop: one over a known number of passes is a scan, or is unrolled where what it carries changes its shape; one that a condition
/// ends is a loop of ours.
struct ONNXLoop {
    private let call: ONNXCall
    private let bodies: ONNXBodies
    private let body: Onnx_GraphProto
    private let initial: [ONNXValue]
    /// The limit of passes; nil for none.
    private let passes: ONNXValue?
    private let condition: ONNXValue?

    /// More passes are not unrolled.
    private static let unrolledLimit = 1024

    init(_ call: ONNXCall) throws {
        guard let bodies = call.bodies else { throw call.error("has no body") }
        (self.call, self.bodies) = (call, bodies)
        body = try call.graph("body")
        passes = call.has(0) ? try call.value(0) : nil
        condition = call.has(1) ? try call.value(1) : nil
        let rest: [ONNXValue?] = Array(call.inputs.dropFirst(2))
        initial = rest.compactMap { $0 }
        guard initial.count == rest.count, body.input.count == initial.count + 2, body.output.count > initial.count else {
            throw call.error(.invalidProgram, "has a body of \(body.input.count) inputs for \(initial.count) carried values")
        }
    }

    func results() throws -> [ONNXValue] {
        let starts: Bool? = try known(condition)
        if starts == false { return try withoutPasses() }
        let count: SymInt? = try passes.map { _ in try call.size(0) }.flatMap { ($0.constant ?? 0) > 1 << 40 ? nil : $0 }
        if let count, starts == true || condition == nil {
            if count.constant.map({ $0 <= 0 }) ?? false { return try withoutPasses() }
            do { if let found = try scanned(count) { return found } } catch  where (count.constant ?? .max) <= Self.unrolledLimit {}
            if let number = count.constant, number <= Self.unrolledLimit, let found = try unrolled(number) { return found }
        }
        return try repeated(count)
    }

    private func known(_ value: ONNXValue?) throws -> Bool? {
        guard let tensor = value?.known, tensor.count.constant == 1 else { return nil }
        return try tensor.knownTruths().first
    }

    private static func truth(_ value: Bool) throws -> ONNXValue { ONNXValue(try Tensor([value], shape: [])) }

    /// What is carried stays; what each pass would give has no shape.
    private func withoutPasses() throws -> [ONNXValue] {
        guard body.output.count == initial.count + 1 else { throw call.error("without a pass leaves what its passes give without a shape") }
        return initial
    }

    // MARK: Passes that are counted

    /// A scan over the numbers of the passes; nil where a pass may end the loop or carries something of another shape on.
    private func scanned(_ count: SymInt) throws -> [ONNXValue]? {
        guard let tracer = Interpreter.tracing, !initial.contains(where: { $0.sequence != nil || $0.isNothing }) else { return nil }
        let start: [Tensor] = try initial.map { try $0.tensor() }
        let scan = BodyTracer(of: "Loop", parent: tracer)
        let carried: [ONNXValue] = zip(start, initial).enumerated().map { index, pair in
            ONNXValue(.tensor(scan.addInput("carried_\(index)", pair.0.spec)), pair.1.element)
        }
        let numbers: Tensor = try Tensor.arange(count, dtype: .int64)
        let number: Tensor = scan.addInput("iteration", try numbers.spec.slice)
        var goesOn = false
        let elements: [ONNXElement] = try ONNXOperatorTable.traced(scan) {
            let results: [ONNXValue] = try bodies.run(body, [ONNXValue(number), try Self.truth(true)] + carried)
            goesOn = try known(results[0]) == true
            for (before, after) in zip(start, results.dropFirst()) {
                let after: Tensor = try after.tensor()
                guard after.rank == before.rank, after.dtype == before.dtype else {
                    goesOn = false
                    break
                }
                for (one, other) in zip(before.shape, after.shape) where decide(one == other) != true { goesOn = false }
            }
            return Array(results.dropFirst())
        }
        guard goesOn else { return nil }
        let (last, stacked) = try TensorControlFlow.finishScan(scan, start, [numbers])
        return zip(last + stacked, elements).map { ONNXValue(.tensor($0), $1) }
    }

    /// Pass after pass; nil where a pass ends the loop by what only a run knows.
    private func unrolled(_ count: Int) throws -> [ONNXValue]? {
        var carried: [ONNXValue] = initial
        var given: [[ONNXValue]] = Array(repeating: [], count: body.output.count - 1 - initial.count)
        for pass in 0..<count {
            let results: [ONNXValue] = try bodies.run(body, [ONNXValue(try Tensor([pass], shape: [])), try Self.truth(true)] + carried)
            carried = Array(results[1..<(1 + initial.count)])
            for (place, value) in results.dropFirst(1 + initial.count).enumerated() { given[place].append(value) }
            guard let goesOn = try known(results[0]) else { return nil }
            if !goesOn { break }
        }
        return try carried
            + given.map { values in
                ONNXValue(.tensor(try Tensor.stack(try values.map { try $0.tensor() })), values.first?.element ?? .float32)
            }
    }

    // MARK: Passes that a condition ends

    private func repeated(_ count: SymInt?) throws -> [ONNXValue] {
        guard let tracer = Interpreter.tracing else { throw call.error("is not recorded here") }
        guard body.output.count == initial.count + 1 else {
            throw call.error("is ended by a condition and gives something in each pass, which is not read: carry it along instead")
        }
        let holds: Tensor = try (condition ?? Self.truth(true)).tensor().reshaped([] as [Int])
        let start: [Tensor] = [try Tensor.scalar(0, dtype: .int64), holds] + (try initial.map { try $0.tensor() })
        let elements: [ONNXElement] = [.int64, .bool] + initial.map(\.element)
        func inputs(_ tracer: BodyTracer) -> [Tensor] { start.enumerated().map { tracer.addInput("carried_\($0)", $1.spec) } }
        let test = BodyTracer(of: "whileLoop", parent: tracer)
        let tested: [Tensor] = inputs(test)
        try test.setResults([
            try test.trace { try count.map { try (tested[0] .< $0).logicalAnd(tested[1]) } ?? tested[1].logicalAnd(tested[1]) }
        ])
        let step = BodyTracer(of: "whileLoop", parent: tracer)
        let given: [Tensor] = inputs(step)
        _ = try ONNXOperatorTable.traced(step) {
            let values: [ONNXValue] = zip(given, elements).map { ONNXValue(.tensor($0), $1) }
            let results: [ONNXValue] = try bodies.run(body, values)
            let goesOn: Tensor = try results[0].tensor().reshaped([] as [Int])
            for (before, after) in zip(given.dropFirst(2), results.dropFirst()) {
                let (one, other) = (before.shape, try after.tensor().shape)
                guard one.count == other.count else { throw call.error("carries a value on whose rank changes") }
                for (size, next) in zip(one, other) {
                    try require(size == next, TensorError(.shapeMismatch, in: "Loop", "what is carried changes from \(one) to \(other)"))
                }
            }
            return [ONNXValue(try given[0] + 1), ONNXValue(goesOn)] + results.dropFirst()
        }
        let last: [Tensor] = try TensorControlFlow.finishWhile(test, step, start)
        return zip(last, elements).dropFirst(2).map { ONNXValue(.tensor($0), $1) }
    }
}
