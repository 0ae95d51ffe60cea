import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Every operator of the table with each size of each tensor made dynamic in turn: whatever the rule, the gradient and the parts make of a
/// size that is open, the program agrees with eager code at every size, or the export says what it needs.
@Suite("The table over open sizes") struct SymbolicTableTests {
    private static let sizes = 1...4

    /// The tensor with another size, its elements over and over: positions stay positions.
    private static func resized(_ tensor: Tensor, _ dim: Int, to size: Int) throws -> Tensor {
        let places: [Int] = try (0..<size).map { $0 % max(try tensor.sizes[dim], 1) }
        return try tensor.indexSelect(dim: dim, Tensor(places, shape: [size]))
    }

    /// One call: where its tensors stand, and the example's.
    private struct Sample {
        let operation: Operator
        let arguments: [OperatorArgument]
        let tensors: [Tensor]

        init(_ operation: Operator, _ arguments: [OperatorArgument]) throws {
            self.operation = operation
            self.arguments = arguments
            var found: [Tensor] = []
            for argument in arguments { argument.forEachReference { found.append($0) } }
            // Each has a size of its own, also where a sample gives one tensor twice.
            tensors = try found.map { try $0.clone() }
        }

        func results(_ tensors: [Tensor]) throws -> [Tensor] {
            var rest: ArraySlice<Tensor> = tensors[...]
            let call: [OperatorArgument] = arguments.map { argument in argument.map { rest.popFirst() ?? $0 } }
            return try apply(operation, call).flatMap { result -> [Tensor] in
                switch result {
                case .tensor(let tensor): [tensor]
                case .tensors(let tensors): tensors
                default: []
                }
            }
        }

        func gradients(_ tensors: [Tensor]) throws -> [Tensor] {
            let wanted: [Int] = tensors.indices.filter { tensors[$0].dtype.isFloatingPoint }
            return try valueAndGradient(at: wanted.map { tensors[$0] }) { sources in
                var all: [Tensor] = tensors
                for (position, source) in zip(wanted, sources) { all[position] = source }
                let floats: [Tensor] = try results(all).filter { $0.dtype.isFloatingPoint }
                guard let first = floats.first else { throw TensorError(.notDifferentiable, "no result is a float") }
                return try floats.dropFirst().reduce(first.square().sum()) { try $0 + $1.square().sum() }
            }.gradients
        }
    }

    private static func difference(_ found: [Tensor], _ expected: [Tensor]) throws -> String? {
        guard found.count == expected.count else { return "\(found.count) and \(expected.count) results" }
        for (a, b) in zip(found, expected) {
            guard a.dtype == b.dtype, try a.sizes == b.sizes else { return "\(a.spec), eager \(b.spec)" }
            func numbers(_ x: Tensor) throws -> [Double] {
                try (x.dtype.isComplex ? x.to(.complex128).viewAsReal() : x.to(.float64)).array(of: Double.self)
            }
            for (x, y) in zip(try numbers(a), try numbers(b)) where !(x == y || x.isNaN && y.isNaN) {
                if !(abs(x - y) <= 1e-3 * max(1, abs(y))) { return "\(x), eager \(y)" }
            }
        }
        return nil
    }

    private enum Outcome { case agrees, refused }

    private static func check(
        _ sample: Sample, _ tensor: Int, _ dim: Int, _ function: @escaping ([Tensor]) throws -> [Tensor], _ place: String
    ) throws -> Outcome {
        let example: [Tensor] = sample.tensors
        let program: ExportedProgram
        do {
            program = try export(
                function, args: example, constraints: [dynamicDim(example[tensor], dim).in(sizes)], options: ExportOptions(selfCheck: false)
            )
        } catch { return .refused }
        var programs: [ExportedProgram] = [program]
        programs.append(try program.transform(Decomposition()))
        for (kind, program) in programs.enumerated() {
            for size in sizes {
                var tensors: [Tensor] = example
                tensors[tensor] = try resized(example[tensor], dim, to: size)
                let note = "\(place) at \(size)\(kind == 1 ? ", taken apart" : "")"
                let expected = Result { try function(tensors) }
                let found = Result { () throws -> [Tensor] in try program(tensors) }
                switch (found, expected) {
                case (.success(let found), .success(let expected)):
                    if let difference = try difference(found, expected) { Issue.record("\(note): \(difference)") }
                case (.failure(let error), .success): Issue.record("\(note): the program throws \(error)")
                case (.success, .failure(let error)): Issue.record("\(note): eager throws \(error)")
                case (.failure, .failure): continue
                }
            }
        }
        return .agrees
    }

    @Test("Results and gradients agree at every size") func all() throws {
        var (agreeing, refused) = (0, 0)
        for operation in OperatorTable.all where operation.effects.isPure {
            for (position, arguments) in try operation.samples().prefix(2).enumerated() {
                let sample = try Sample(operation, arguments)
                for (tensor, value) in sample.tensors.enumerated() {
                    for dim in 0..<value.rank where try sizes(value, dim) {
                        let place = "\(operation), sample \(position), dimension \(dim) of tensor \(tensor)"
                        var functions: [([Tensor]) throws -> [Tensor]] = [sample.results]
                        if value.dtype.isFloatingPoint, (try? sample.gradients(sample.tensors)) != nil {
                            functions.append(sample.gradients)
                        }
                        for (kind, function) in functions.enumerated() {
                            switch try Self.check(sample, tensor, dim, function, place + (kind == 1 ? ", gradient" : "")) {
                            case .agrees: agreeing += 1
                            case .refused: refused += 1
                            }
                        }
                    }
                }
            }
        }
        #expect(agreeing > 1500, "\(agreeing) agree, \(refused) are refused")
    }

    private func sizes(_ tensor: Tensor, _ dim: Int) throws -> Bool { Self.sizes.contains(try tensor.sizes[dim]) }
}
