// Programs as trees. Places are taken modulo what there is, so that every tree is a program, also after it was cut down.

/// An integer.
public indirect enum SizeTerm: Sendable {
    case constant(Int)
    /// A size variable.
    case variable(Int)
    /// A size of a tensor variable.
    case dim(tensor: Int, Int)
    case count(tensor: Int)
    case add(SizeTerm, SizeTerm)
    case subtract(SizeTerm, SizeTerm)
    case multiply(SizeTerm, SizeTerm)
    case divide(SizeTerm, Int)
    case remainder(SizeTerm, Int)
    case max(SizeTerm, SizeTerm)
    case min(SizeTerm, SizeTerm)
}

/// What a branch asks.
public indirect enum Question: Sendable {
    public enum Relation: CaseIterable, Sendable { case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual }
    case compare(SizeTerm, Relation, SizeTerm)
    /// Whether an element read as a float exceeds a number.
    case floatExceeds(TensorTerm, Double)
    /// Whether an element read as an integer exceeds a number.
    case intExceeds(TensorTerm, Int)
    /// A truth value read from a tensor.
    case truth(TensorTerm, Double)
    case and(Question, Question)
    case or(Question, Question)
    case not(Question)
}

public indirect enum TensorTerm: Sendable {
    public enum Unary: CaseIterable, Sendable { case cos, relu, negate, abs, tanh, square, softmax, cumsum, flip }
    public enum Reduction: CaseIterable, Sendable { case sum, mean, amax, amin }
    case variable(Int)
    case memory
    case unary(Unary, TensorTerm)
    case scaled(TensorTerm, SizeTerm)
    /// The sum where the shapes are equal; else the second is reduced to one number first.
    case add(TensorTerm, TensorTerm)
    /// A part of the first dimension; bounds are used as they are.
    case slice(TensorTerm, from: SizeTerm, to: SizeTerm, step: Int)
    /// A part of a length that is kept within the dimension.
    case narrow(TensorTerm, from: SizeTerm, length: SizeTerm)
    /// Both flattened, one after the other.
    case cat(TensorTerm, TensorTerm)
    case reduce(Reduction, TensorTerm, dim: Int?)
    case transpose(TensorTerm)
    case flatten(TensorTerm)
    /// Rows of a length where it divides the count; else as it was.
    case rows(TensorTerm, Int)
    /// The same without asking first.
    case rowsUnasked(TensorTerm, Int)
    case filled(SizeTerm, Double)
    case arange(SizeTerm)
    case padded(TensorTerm, before: SizeTerm, after: SizeTerm)
    /// One position of the first dimension; counted from the end where negative.
    case select(TensorTerm, SizeTerm)
}

public indirect enum Statement: Sendable {
    case setTensor(Int, TensorTerm)
    case setSize(Int, SizeTerm)
    /// Reads how many elements exceed a number.
    case readCount(Int, TensorTerm, Double)
    /// Declares the range of a size variable that was read.
    case constrain(Int, max: Int)
    case branch(Question, [Statement], [Statement])
    /// As often as a size says, four times at most.
    case repeated(SizeTerm, [Statement])
    /// While a size variable, halved after each turn, exceeds a number; five times at most.
    case halving(Int, above: Int, [Statement])
    case returnNow(TensorTerm)
    case fail
    case require(Question)
    case remember(TensorTerm)
}

/// A program over two tensors and a buffer, with the sizes that it is declared for.
public struct RandomProgram: Sendable {
    public var body: [Statement]
    public var result: TensorTerm
    public var number: SizeTerm
    public var domain: Domain

    public init(body: [Statement], result: TensorTerm, number: SizeTerm, domain: Domain) {
        self.body = body
        self.result = result
        self.number = number
        self.domain = domain
    }
}
