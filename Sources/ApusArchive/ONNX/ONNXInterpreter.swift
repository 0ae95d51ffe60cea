import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Builds a graph out of the nodes of a model. Tensors that are there while the model is read become inputs of the graph: initialisers under
/// their names, other constants under names of their own.
final class ONNXInterpreter: ImportInterpreter, TracingInterpreter {
    /// The tensors with values that the graph uses, in the order of their first use.
    private(set) var captured: [(value: Value, tensor: Tensor, role: InputRole)] = []
    private var known: [ObjectIdentifier: Value] = [:]
    private var names: [ObjectIdentifier: String] = [:]
    /// Held, so that no other tensor takes an initialiser's identity, and name, over.
    private var named: [Tensor] = []

    init(symbols: ImportSymbols) { super.init(symbols: symbols, isBody: false) }

    /// Says that a tensor is an initialiser.
    func name(_ tensor: Tensor, _ name: String) {
        names[tensor.identity] = name
        named.append(tensor)
    }

    func isInitializer(_ tensor: Tensor) -> Bool { names[tensor.identity] != nil }

    override func capture(_ tensor: Tensor, in operation: Operator?) throws -> Value {
        guard !tensor.isTraced else { throw ArchiveError(.invalidProgram, "a tensor of a branch or loop is used outside of it") }
        if let value = known[tensor.identity] { return value }
        let name: String? = names[tensor.identity]
        let value: Value = graph.makeValue(name ?? "constant", .tensor(tensor.spec))
        captured.append((value, tensor, name.map { .parameter($0) } ?? .constant(graph.name(value))))
        known[tensor.identity] = value
        return value
    }

    var isTrial: Bool { false }

    func requireGoing() throws {}

    func demand(_ predicate: Predicate, is answer: Bool, orThrow error: any Error, site: CallSite) throws -> Bool { throw error }
}
