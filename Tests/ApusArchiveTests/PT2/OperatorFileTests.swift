import ApusExport
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

/// Every record of the operator table in a file that PyTorch opens: each sample as it stands, with each argument that has a default left out,
/// and with it given as what its default is. One program for each operator holds all of its calls; tensors are inputs, the rest is baked.
@Suite("Files of every operator") struct OperatorFileTests {
    /// Random results, and those that are left as memory has them.
    private static func hasValues(_ operation: Operator) -> Bool {
        !operation.effects.contains(.random) && !operation.schema.name.contains("empty")
    }

    /// The calls of an operator that eager code makes.
    private static func calls(_ operation: Operator) throws -> [[OperatorArgument]] {
        var calls: [[OperatorArgument]] = []
        for sample in try operation.samples() {
            calls.append(sample)
            for (position, parameter) in operation.schema.parameters.enumerated() where parameter.defaultText != nil {
                var others: [OperatorArgument] = [try ArgumentImporter.standard(of: parameter)]
                if case .optional = parameter.kind { others.append(.none) }
                for argument in others {
                    if "\(argument)" == "\(sample[position])" { continue }
                    var call = sample
                    call[position] = argument
                    if (try? apply(operation, call)) != nil { calls.append(call) }
                }
            }
        }
        return calls
    }

    private static func program(_ operation: Operator, _ calls: [[OperatorArgument]]) throws -> JudgedProgram {
        var inputs: [Tensor] = []
        for call in calls { for argument in call { argument.forEachReference { inputs.append($0) } } }
        let function: ([Tensor]) throws -> [Tensor] = { tensors in
            var rest: ArraySlice<Tensor> = tensors[...]
            return try calls.flatMap { call in
                try apply(operation, call.map { argument in argument.map { rest.popFirst() ?? $0 } }).flatMap { result -> [Tensor] in
                    switch result {
                    case .tensor(let tensor): [tensor]
                    case .tensors(let tensors): tensors
                    case .scalar(let number): [try Tensor.full([], number)]
                    default: []
                    }
                }
            }
        }
        let name = operation.name.replacing("::", with: ".")
        return JudgedProgram(
            name: name, program: try export(function, args: inputs, selfCheck: false), calls: [inputs], hasValues: hasValues(operation))
    }

    @Test("PyTorch opens and runs them with the same results") func all() throws {
        var programs: [JudgedProgram] = []
        var count = 0
        for operation in OperatorTable.all where operation.schema.namespace == "aten" {
            do {
                let calls = try Self.calls(operation)
                programs.append(try Self.program(operation, calls))
                count += calls.count
            } catch { Issue.record("\(operation): \(error)") }
        }
        print("operators \(programs.count) calls \(count)")
        try JudgedProgram.check(programs, [])
    }
}
