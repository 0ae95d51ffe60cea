import ApusGraph
import ApusSymbolic
import ApusTensor

/// What a node gives: computed while the model is read where its inputs are there, as sizes where it computes on sizes, else recorded.
struct ONNXEvaluation {
    private let operation: ONNXOperator
    private let call: ONNXCall
    private let interpreter: ONNXInterpreter

    init(_ operation: ONNXOperator, _ call: ONNXCall, _ interpreter: ONNXInterpreter) {
        (self.operation, self.call, self.interpreter) = (operation, call, interpreter)
    }

    func results() throws -> [ONNXValue] {
        if let sizes = try onSizes() { return sizes }
        if isFoldable, let folded = try folded() { return folded }
        return try typed(operation.body(call))
    }

    // MARK: Folding

    /// Results up to this many elements are kept as constants.
    private static let foldedLimit = 1 << 16

    private var isFoldable: Bool {
        guard operation.isFolded, !call.inputs.isEmpty else { return false }
        return call.inputs.allSatisfy { value in
            guard let value else { return true }
            return isKnown(value)
        }
    }

    /// Numbers that are weights stay what they are: a model's tensors are found under their names.
    private func isKnown(_ value: ONNXValue) -> Bool {
        switch value.content {
        case .tensor(let tensor):
            if tensor.isTraced || (tensor.count.constant ?? .max) > Self.foldedLimit { return false }
            return !tensor.dtype.isFloatingPoint || !interpreter.isInitializer(tensor) || tensor.rank == 0
        case .sizes: return false
        case .sequence(let items): return items.allSatisfy(isKnown)
        case .nothing: return true
        }
    }

    /// The results as constants; nil where they are too large, which a trial without values tells first.
    private func folded() throws -> [ONNXValue]? {
        let trial = ONNXInterpreter(symbols: ImportSymbols(ranges: JSONTable()))
        var count = 0
        func measure(_ value: ONNXValue) -> Bool {
            switch value.content {
            case .tensor(let tensor):
                // A number that values decide is one of the inputs' elements, which are few.
                count += tensor.count.constant ?? Self.foldedLimit / 4
                return count <= Self.foldedLimit
            case .sizes: return false
            case .sequence(let items): return items.allSatisfy(measure)
            case .nothing: return true
            }
        }
        guard let types = try? Interpreter.with(trial, { try operation.body(call) }), types.allSatisfy(measure) else { return nil }
        return try Interpreter.with(nil) { try typed(operation.body(call)) }
    }

    // MARK: Sizes

    private func onSizes() throws -> [ONNXValue]? {
        let hasSizes: Bool = call.inputs.contains { if case .sizes? = $0?.content { true } else { false } }
        guard hasSizes else { return nil }
        switch operation.onSizes {
        case .tensors: return nil
        case .moves(let places): return try moved(places.map { Set($0) } ?? Set(call.inputs.indices))
        case .arithmetic(let compute):
            guard let (shape, operands) = try aligned() else { return nil }
            let values: [SymInt] = operands.compactMap(compute)
            guard values.count == operands.count, values.allSatisfy({ $0.fault == nil }) else { return nil }
            var element: ONNXElement = try call.element(0)
            if operation.name == "Cast", let target = try call.element(ofAttribute: "to") { element = target }
            // Sizes are integers, and wide ones: floats and what may wrap are for tensors.
            guard [.int64, .int32].contains(element) else { return nil }
            return [try ONNXValue(ONNXSizes(shape: shape, values: values), element)]
        case .compares(let compare):
            guard let (shape, operands) = try aligned(), operands.allSatisfy({ $0.count == 2 }) else { return nil }
            let answers: [Bool] = operands.compactMap { interpreter.decide(compare($0[0], $0[1])) }
            guard answers.count == operands.count else { return nil }
            return [ONNXValue(try Tensor(answers, shape: shape))]
        }
    }

    /// An input's integers as sizes; nil where they aren't there, or are no integers.
    private func sizes(_ value: ONNXValue) throws -> ONNXSizes? {
        switch value.content {
        case .sizes(let sizes): return sizes
        case .tensor(let tensor):
            guard !tensor.isTraced, tensor.dtype.isInteger, (tensor.count.constant ?? .max) <= ONNXSizes.limit else { return nil }
            return ONNXSizes(shape: try tensor.sizes, values: try tensor.knownIntegers().map { SymInt($0) })
        default: return nil
        }
    }

    /// Carries out an operator that moves elements on their numbers, which tells where each element comes from.
    private func moved(_ places: Set<Int>) throws -> [ONNXValue]? {
        var pool: [SymInt] = []
        var element: ONNXElement = .int64
        var numbered: ONNXCall = call
        for (index, input) in call.inputs.enumerated() {
            guard let input else { continue }
            guard places.contains(index) else {
                if input.known == nil { return nil }
                continue
            }
            guard let sizes = try sizes(input) else { return nil }
            let numbers: [Int] = Array(pool.count..<pool.count + sizes.values.count)
            pool += sizes.values
            element = input.element
            numbered.inputs[index] = ONNXValue(try Tensor(numbers, shape: sizes.shape))
        }
        // What combines elements does not only move them.
        if try call.text("reduction", "none") != "none" { return nil }
        let trial = ONNXInterpreter(symbols: ImportSymbols(ranges: JSONTable()))
        guard let results = try? Interpreter.with(trial, { try operation.body(numbered).map { try $0.tensor() } }),
            results.allSatisfy({ ($0.count.constant ?? .max) <= ONNXSizes.limit })
        else { return nil }
        return try Interpreter.with(nil) {
            try operation.body(numbered).map { result in
                let tensor: Tensor = try result.tensor()
                let sources: [Int] = try tensor.knownIntegers()
                guard sources.allSatisfy({ pool.indices.contains($0) }) else {
                    throw call.error(.invalidProgram, "gives sizes that it did not get")
                }
                return try ONNXValue(ONNXSizes(shape: try tensor.sizes, values: sources.map { pool[$0] }), element)
            }
        }
    }

    /// The inputs' elements that belong together, broadcast.
    private func aligned() throws -> (shape: [Int], operands: [[SymInt]])? {
        let inputs: [ONNXSizes?] = try call.inputs.map { try $0.flatMap { try sizes($0) } }
        let known: [ONNXSizes] = inputs.compactMap { $0 }
        guard known.count == inputs.count else { return nil }
        return try Interpreter.with(nil) {
            let numbers: [Tensor] = try known.map { try Tensor(Array(0..<$0.values.count), shape: $0.shape) }
            let broadcast: [Tensor] = try Tensor.broadcast(numbers)
            guard (broadcast.first?.count.constant ?? 0) <= ONNXSizes.limit else { return nil }
            let places: [[Int64]] = try broadcast.map { try $0.array(of: Int64.self) }
            let count: Int = places.first?.count ?? 0
            let operands: [[SymInt]] = (0..<count).map { index in zip(known, places).map { $0.values[Int($1[index])] } }
            return (try broadcast.first?.sizes ?? [], operands)
        }
    }

    // MARK: Types

    private func typed(_ results: [ONNXValue]) throws -> [ONNXValue] {
        guard operation.results == .likeInputs, let element = call.inputs.lazy.compactMap({ $0?.element }).first(where: { !$0.isNative })
        else {
            return results
        }
        return try results.map { result in
            guard result.element.isNative, case .tensor(let tensor) = result.content, tensor.dtype == element.dtype else { return result }
            if case .moves = operation.onSizes { return ONNXValue(.tensor(tensor), element) }
            return ONNXValue(.tensor(try element.wrapped(tensor)), element)
        }
    }
}
