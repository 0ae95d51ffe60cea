import ApusSymbolic

/// Every operator, by name. Families are listed in the file that defines them.
public enum OperatorTable {
    public static let all: [Operator] = [
        Operator.arithmetic, Operator.exponentials, Operator.trigonometry, Operator.rounding, Operator.specialFunctions,
        Operator.activations, Operator.activationGradients,
        Operator.comparisons, Operator.logic, Operator.division, Operator.selection, Operator.conditions,
        Operator.sums,
        Operator.views, Operator.reshaping, Operator.copies, Operator.creation,
    ].flatMap { $0 }

    private static let byName: [String: Operator] = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// Looks an operator up by its qualified name, `aten::add.Tensor`.
    public static func find(_ name: String) -> Operator? { byName[name] }
}

extension Operator {
    /// The rule of an operator that is its decomposition: run on shapes only.
    func specsOfDecomposition(_ call: Call) throws -> [TensorSpec] {
        guard let decomposition else { throw call.error(.unsupported, "has no decomposition") }
        let bare: [Argument] = call.arguments.map { argument in argument.map { Tensor(spec: $0.spec) } }
        let results = try Interpreter.with(ShapeInterpreter(outer: Interpreter.current)) { try decomposition(Call(self, bare)) }
        return try results.map {
            guard case .tensor(let tensor) = $0 else { throw call.error(.unsupported, "has a result that is no tensor") }
            return tensor.spec
        }
    }
}

/// Carries out operations on dtypes and shapes alone. Conditions go to the interpreter around it.
final class ShapeInterpreter: Interpreter {
    override func apply(_ operation: Operator, _ arguments: [Argument]) throws -> [Argument] {
        try operation.rule(Call(operation, arguments)).map { .tensor(Tensor(spec: $0)) }
    }
}
