import ApusGraph
import ApusTensor

/// Whose place in memory a step's result may take, where nothing reads that operand afterwards.
enum Overwriting {
    case none
    /// Any operand's of the same layout, whichever other operands see it so too: an element is written after all are read.
    case any
    /// The first operand's, of which the result is a copy with parts written over. No other operand may lie there.
    case first
}

/// One step of a program whose sizes are all known: it reads its operands and writes its outputs, which lie where the program has been
/// placed. Every kind of step is a class of its own; a step belongs to one bound program, which runs one call at a time.
protocol Step: AnyObject {
    /// What it computes, in order: one operator, or those of a row. None where it only says where the program goes on.
    var operators: [Operator] { get }
    /// What it does, in a word.
    var title: String { get }
    /// The place in the source of what it computes.
    var site: NodeSite? { get }
    /// The tensors that it reads, nil for a number.
    var operands: [Tensor?] { get }
    /// The tensors that it writes, each as a whole.
    var outputs: [Tensor] { get }
    var overwriting: Overwriting { get }
    /// Whether it keeps addresses of its own, and is told by `relocate` what they are. Others find memory through their tensors.
    var keepsAddresses: Bool { get }

    /// Says where an operand lies from now on, by its number; those of outputs follow.
    func relocate(_ operand: Int, to address: UnsafeMutableRawPointer)
    /// Carries it out.
    /// - Parameter next: the number of the step that follows, where the program goes on; a jump sets another.
    func run(_ next: inout Int) throws
}

extension Step {
    var title: String { operators.map(\.name).joined(separator: " + ") }
    var overwriting: Overwriting { .none }
    var keepsAddresses: Bool { false }
    func relocate(_ operand: Int, to address: UnsafeMutableRawPointer) {}
}

/// A kernel with its arguments and results.
final class ComputeStep: Step {
    typealias Kernel = @Sendable (Call, [Tensor]) throws -> Void

    let call: Call
    let outputs: [Tensor]
    let site: NodeSite?
    let operands: [Tensor?]
    private let kernel: Kernel

    init(_ call: Call, _ outputs: [Tensor], _ site: NodeSite?, kernel: @escaping Kernel) {
        (self.call, self.outputs, self.site, self.kernel) = (call, outputs, site, kernel)
        operands = call.tensors
    }

    var operators: [Operator] { [call.operator] }
    var overwriting: Overwriting { call.operator.isUpdate ? .first : .none }

    func run(_ next: inout Int) throws { try kernel(call, outputs) }
}

/// Goes on elsewhere: always, or where the one element of a tensor, or a condition on numbers that were read, is false.
final class JumpStep: Step {
    var target = 0
    private let predicate: Tensor?
    private let condition: (holds: RunNumber, operatorName: String)?

    init(unless predicate: Tensor? = nil) { (self.predicate, condition) = (predicate, nil) }

    init(unless condition: RunNumber, in operatorName: String) { (predicate, self.condition) = (nil, (condition, operatorName)) }

    let operators: [Operator] = []
    let site: NodeSite? = nil
    var operands: [Tensor?] { predicate.map { [$0] } ?? [] }
    let outputs: [Tensor] = []

    var title: String { "go to \(target)" + (isConditional ? " unless" : "") }

    /// Whether it depends on a value.
    var isConditional: Bool { predicate != nil || condition != nil }

    func run(_ next: inout Int) throws {
        if let predicate, predicate.baseAddress.load(as: UInt8.self) != 0 { return }
        if let condition, try condition.holds.holds(in: condition.operatorName) { return }
        next = target
    }
}

/// What the program does here for these sizes: it fails.
final class FailStep: Step {
    let site: NodeSite?
    private let error: TensorError

    init(_ error: TensorError, _ site: NodeSite?) { (self.error, self.site) = (error, site) }

    let operators: [Operator] = []
    var title: String { "fail" }
    let operands: [Tensor?] = []
    let outputs: [Tensor] = []

    func run(_ next: inout Int) throws { throw error }
}

extension Call {
    /// The tensors among the arguments, in order.
    var tensors: [Tensor] {
        var found: [Tensor] = []
        for argument in arguments { argument.forEachReference { found.append($0) } }
        return found
    }
}
