import ApusSymbolic

/// The dtype and shape of a tensor: what a result rule computes.
public struct TensorSpec: Sendable, CustomStringConvertible {
    public var dtype: DType
    public var shape: Shape

    public init(_ dtype: DType, _ shape: Shape) {
        self.dtype = dtype
        self.shape = shape
    }

    /// `float32[2, 3]`.
    public var description: String { "\(dtype)\(shape)" }

    /// `float32[s0, 3]`: the text with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String { "\(dtype)\(shape.description(naming: name))" }

    /// True where both have the same dtype and the same sizes, as `Shape.isIdentical(to:)` compares them.
    package func isIdentical(to other: TensorSpec) -> Bool { dtype == other.dtype && shape.isIdentical(to: other.shape) }
}

extension Operator {
    /// What an operator does besides computing its results.
    public struct Effects: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Draws random numbers: two calls differ and must keep their order.
        public static let random = Effects(rawValue: 1)
        /// Checks something and may throw: must not be removed even though nothing reads its results.
        public static let check = Effects(rawValue: 2)
        /// The sizes of its results, or a number it returns, are known only once its inputs' values are.
        public static let dataDependent = Effects(rawValue: 4)
        /// Values may make it throw though its rule accepts their shapes and dtypes, such as a position outside of a tensor: must run even
        /// though nothing reads its results. Equal calls fail alike, so that one may stand for several.
        public static let mayFail = Effects(rawValue: 8)
        /// Acts on the world outside, on other processes say: a program runs it where it stands and as often as it stands there, in its order, and an
        /// export does not try it out.
        public static let external = Effects(rawValue: 16)

        /// True where a call is its results and nothing else, or an error: equal calls may be made once, and known ones ahead.
        package var isPure: Bool { subtracting(.mayFail).isEmpty }
    }
}

/// A call that a gradient recorder makes in another's place.
package struct SavingCall {
    package let call: Call
    /// How many of its results are those of the call that was asked for: the first ones.
    package let resultCount: Int

    package init(_ call: Call, resultCount: Int) { (self.call, self.resultCount) = (call, resultCount) }
}

/// One operator, in one place: everything that any part of Apus knows of it.
///
/// Parsing, printing, import and export by name, eager execution, tracing, gradients and the table's own tests all derive from this
/// record. Records are made once, as static constants beside the public methods that call them, and listed in `OperatorTable`.
public final class Operator: Sendable {
    /// Computes the results' dtypes and shapes. It *requires* conditions and never branches on an undecided one.
    public typealias Rule = @Sendable (Call) throws -> [TensorSpec]
    /// The gradients of the arguments, in their order; `.none` where there is none. May be shorter than the argument list.
    public typealias Gradient = @Sendable (GradientCall) throws -> [OperatorArgument]
    /// For a gradient that needs more of a call than its results: the call that gives this as well.
    package typealias Saving = @Sendable (Call) throws -> SavingCall?
    /// The operator in terms of public tensor operations.
    public typealias Decomposition = @Sendable (Call) throws -> [OperatorArgument]

    public enum Kernel: Sendable {
        /// Writes into results that are already there, contiguous and of the rule's shapes. Allocates nothing that outlives it.
        case compute(@Sendable (Call, [Tensor]) throws -> Void)
        /// Results that share the first argument's memory: a layout and an offset in elements for each; nil where a copy is needed, which
        /// then is made of the first argument before asking again.
        case view(@Sendable (Call) throws -> [View]?)
        /// Results whose sizes depend on values, or that are plain numbers.
        case host(@Sendable (Call) throws -> [OperatorArgument])
        /// Runs the decomposition.
        case composite
    }

    public struct View: Sendable {
        public let layout: Tensor.Layout
        /// In elements of the result's dtype, from the first argument's first element.
        public let offset: Int

        public init(_ layout: Tensor.Layout, offset: Int = 0) {
            self.layout = layout
            self.offset = offset
        }
    }

    public let schema: Schema
    /// What the operator computes, with shapes, dtype rule and errors; a formula names its source.
    public let documentation: String
    public let effects: Effects
    /// How calls fail by their values, where the effects say that they may.
    package let failure: ValueFailure?
    /// True for an operator made of others that fails for no values, so that its parts need not be asked.
    package let neverFails: Bool
    public let rule: Rule
    public let kernel: Kernel
    public let gradient: Gradient?
    public let decomposition: Decomposition?
    /// True where the result is a copy of the first argument with parts written over: its kernel may be given that argument's memory, contiguous
    /// and read by no other argument, for the result. It throws before it writes.
    package let isUpdate: Bool
    /// What gradient recorders make in a call's place; nil, and nil for a call, where the results are enough.
    package let saving: Saving?
    /// Argument lists that show the operator at work; tests walk them.
    public let samples: @Sendable () throws -> [[OperatorArgument]]
    /// Set for elementwise operators that one micro-operation of the kernels computes: the form for default arguments, a shortcut for
    /// eager code.
    package let pointwise: Pointwise?
    /// Set for operators that fill a fresh tensor with random numbers: what they draw.
    package let drawing: (@Sendable (Call) throws -> Drawing)?
    /// The form for any call, which plans fuse.
    package let pointwiseForm: Pointwise.Form?

    /// An operator of the table, from the text of its schema.
    package convenience init(
        _ schema: String, _ documentation: String, effects: Effects = [], failure: ValueFailure? = nil, neverFails: Bool = false,
        rule: @escaping Rule, kernel: Kernel, isUpdate: Bool = false, gradient: Gradient? = nil, saving: Saving? = nil,
        decomposition: Decomposition? = nil,
        pointwise: Pointwise? = nil,
        pointwiseForm: Pointwise.Form? = nil, drawing: (@Sendable (Call) throws -> Drawing)? = nil,
        samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) {
        let parsed: Schema
        do {
            parsed = try Schema(schema)
        } catch {
            // Our own text is wrong: a broken invariant, found by the first test that touches the table.
            preconditionFailure("\(error)")
        }
        self.init(
            parsed, documentation, effects: effects, failure: failure, neverFails: neverFails, rule: rule, kernel: kernel,
            isUpdate: isUpdate, gradient: gradient,
            saving: saving,
            decomposition: decomposition, pointwise: pointwise, pointwiseForm: pointwiseForm, drawing: drawing, samples: samples)
    }

    /// An operator of the user's own, which programs may hold like any other: `try Operator(Schema("mine::twice(Tensor self) -> Tensor"), ...)`.
    ///
    /// - Parameters:
    ///   - rule: gives the results' dtypes and shapes; required, since a program is checked by it
    ///   - gradient: without one, gradients through the operator are an error
    ///   - samples: argument lists for tests and `apus verify`
    public convenience init(
        _ schema: Schema, _ documentation: String = "", effects: Effects = [], rule: @escaping Rule, kernel: Kernel,
        gradient: Gradient? = nil, decomposition: Decomposition? = nil,
        samples: @escaping @Sendable () throws -> [[OperatorArgument]] = { [] }
    ) {
        self.init(
            schema, documentation, effects: effects, failure: nil, neverFails: false, rule: rule, kernel: kernel, isUpdate: false,
            gradient: gradient,
            saving: nil,
            decomposition: decomposition, pointwise: nil, pointwiseForm: nil, drawing: nil, samples: samples)
    }

    private init(
        _ schema: Schema, _ documentation: String, effects: Effects, failure: ValueFailure?, neverFails: Bool, rule: @escaping Rule,
        kernel: Kernel,
        isUpdate: Bool, gradient: Gradient?, saving: Saving?, decomposition: Decomposition?, pointwise: Pointwise?,
        pointwiseForm: Pointwise.Form?,
        drawing: (@Sendable (Call) throws -> Drawing)?, samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) {
        self.schema = schema
        self.documentation = documentation
        self.effects = failure == nil ? effects : effects.union(.mayFail)
        self.failure = failure
        self.neverFails = neverFails
        self.rule = rule
        self.kernel = kernel
        self.isUpdate = isUpdate
        self.gradient = gradient
        self.saving = saving
        self.decomposition = decomposition
        self.pointwise = pointwise
        self.drawing = drawing
        self.pointwiseForm = pointwiseForm ?? pointwise?.form
        self.samples = samples
    }

    /// An operator that is its decomposition: the rule and the gradient follow from the operations it is made of. Their errors bear its name,
    /// which is the one that the caller knows.
    static func composite(
        _ schema: String, _ documentation: String, effects: Effects = [], gradient: Gradient? = nil,
        samples: @escaping @Sendable () throws -> [[OperatorArgument]], _ decomposition: @escaping Decomposition
    ) -> Operator {
        Operator(
            schema, documentation, effects: effects,
            rule: { try $0.operator.specsOfDecomposition($0) }, kernel: .composite,
            gradient: gradient, decomposition: { call in try naming(call.name) { try decomposition(call) } }, samples: samples)
    }

    /// `aten::add.Tensor`.
    public var name: String { schema.qualifiedName }
}

extension Operator: Hashable {
    public static func == (a: Operator, b: Operator) -> Bool { a === b }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

extension Operator: CustomStringConvertible {
    public var description: String { name }
}
