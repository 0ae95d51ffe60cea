import ApusSymbolic
import ApusTensor

/// An interpreter that writes a program: what control flow needs of it to trace bodies.
package protocol TracingInterpreter: Interpreter {
    var scope: SymbolScope { get }
    /// The modules that are running, outermost first.
    var modulePath: [ModuleFrame] { get }
    /// Whether what is traced only serves to learn types from, and is thrown away.
    var isTrial: Bool { get }
    /// Fresh symbols for what only a run can know. Every run of the function that comes the same way gets the same ones.
    /// - Parameter isSize: whether it is the size of a dimension, or a number of elements.
    func freshInt(origin: String, range: SymRange, isSize: Bool, site: CallSite) -> SymInt
    func freshBool(origin: String, site: CallSite) -> SymBool
    func freshFloat(origin: String, site: CallSite) -> SymFloat
    /// Throws why the trace can't become a program, once it can't: what is traced from there on is of no use.
    func requireGoing() throws
    /// Makes sure that a predicate has an answer, where the function's other way throws: the program checks it, and rejects with the error's
    /// text. False in a run that goes on in the error, which the function may catch.
    func demand(_ predicate: Predicate, is answer: Bool, orThrow error: any Error, site: CallSite) throws -> Bool
    /// Writes a node whose results have the given types.
    func append(_ operation: Operator, _ arguments: [OperatorArgument], types: [ValueType], site: CallSite) throws -> [OperatorArgument]
}

extension Interpreter {
    /// The interpreter on the thread's chain that writes a program; nil in eager code.
    package static var tracing: (any TracingInterpreter)? { innermost(as: (any TracingInterpreter).self) }
}

extension TracingInterpreter {
    /// A size from a tensor of one integer, within a range that is known to hold.
    package func readSize(_ tensor: Tensor, origin: String, range: SymRange, site: CallSite) throws -> SymInt {
        let size: SymInt = freshInt(origin: origin, range: range, isSize: false, site: site)
        try read(tensor, as: .int(size), site: site)
        return size
    }

    /// A number from a tensor of one float.
    package func readFloat(_ tensor: Tensor, origin: String, site: CallSite) throws -> SymFloat {
        let number: SymFloat = freshFloat(origin: origin, site: site)
        try read(tensor, as: .float(number), site: site)
        return number
    }

    /// A truth value from a tensor of one bool.
    package func readBool(_ tensor: Tensor, origin: String, site: CallSite) throws -> SymBool {
        let condition: SymBool = freshBool(origin: origin, site: site)
        try read(tensor, as: .bool(condition), site: site)
        return condition
    }

    /// Gives symbols their value from a tensor of one number.
    package func read(_ tensor: Tensor, as type: ValueType, site: CallSite) throws {
        guard let item = OperatorTable.find("aten::item") else { throw TensorError(.unsupported, in: "item", "is not in the table") }
        _ = try append(item, [.tensor(tensor)], types: [type], site: site)
    }

    /// The types of a call's results: by the rule, or fresh symbols for a number that only a run can know.
    func resultTypes(_ call: Call, site: CallSite) throws -> [ValueType] {
        let specs: [TensorSpec] = try call.operator.rule(call)
        guard call.operator.effects.contains(.dataDependent), let kind = call.operator.schema.results.first, !kind.holdsTensors else {
            return specs.map { .tensor($0) }
        }
        let dtype: DType = try call.tensor(0).dtype
        if dtype == .bool { return [.bool(freshBool(origin: "item()", site: site))] }
        if dtype.isInteger { return [.int(freshInt(origin: "item()", range: dtype.integerRange, isSize: false, site: site))] }
        return [.float(freshFloat(origin: "item()", site: site))]
    }
}

extension DType {
    /// The integers that the dtype can hold.
    package var integerRange: SymRange {
        switch self {
        case .bool: SymRange(0...1)
        case .uint8: SymRange(0...255)
        case .int8: SymRange(-128...127)
        case .int16: SymRange(-32768...32767)
        case .int32: SymRange(Int(Int32.min)...Int(Int32.max))
        default: .unbounded
        }
    }
}
