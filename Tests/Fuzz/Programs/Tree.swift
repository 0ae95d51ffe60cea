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
    /// Floored division by a size; by zero it has no value.
    case quotient(SizeTerm, SizeTerm)
    case modulus(SizeTerm, SizeTerm)
    case max(SizeTerm, SizeTerm)
    case min(SizeTerm, SizeTerm)
    /// `Int(n)`: the size as one number.
    case integer(SizeTerm)
    /// A plain size where there is one; else 1.
    case plainDim(tensor: Int, Int)
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
    /// Whether an element read as a plain number exceeds a number; false where there is none to read.
    case plainExceeds(TensorTerm, Double)
    case isMultiple(SizeTerm, of: SizeTerm)
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
    /// The elements that exceed a number.
    case masked(TensorTerm, above: Double)
    case cond(Question, TensorTerm, TensorTerm)
    /// A body over the slices along the first dimension: it sees the slice as tensor variable 0.
    case map(over: TensorTerm, TensorTerm)
    /// The same with a number that is carried from step to step, which the body sees as variable 1; gives the carried number or the results.
    case scan(over: TensorTerm, TensorTerm, isReversed: Bool, givesLast: Bool)
    /// A `whileLoop` of as many passes as a size says, four at most. The body sees what is carried as variable 0.
    case loop(SizeTerm, from: TensorTerm, TensorTerm, grows: Bool)
    /// A `whileLoop` of as many passes as elements exceed a number, three at most.
    case loopByValue(TensorTerm, above: Double, from: TensorTerm, TensorTerm)
    /// The gradient of a sum at a point, which the function sees as variable 0.
    case gradient(of: TensorTerm, at: TensorTerm)
    /// The second where the first throws.
    case attempt(TensorTerm, else: TensorTerm)
}

public indirect enum Statement: Sendable {
    case setTensor(Int, TensorTerm)
    case setSize(Int, SizeTerm)
    /// Reads how many elements exceed a number.
    case readCount(Int, TensorTerm, Double)
    /// Reads one of the integers of the third input.
    case readNumber(Int, element: Int)
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
    /// The second where the first throws.
    case attempt([Statement], else: [Statement])
}

/// A program over two tensors, four integers and a buffer, with the sizes that it is declared for.
public struct RandomProgram: Sendable {
    public var body: [Statement]
    public var result: TensorTerm
    public var number: SizeTerm
    public var domain: Domain
    /// Whether the program is a loss made of the result, with its gradient by the first input, traced by `exportJoint`.
    public var isJoint: Bool

    public init(body: [Statement], result: TensorTerm, number: SizeTerm, domain: Domain, isJoint: Bool = false) {
        self.body = body
        self.result = result
        self.number = number
        self.domain = domain
        self.isJoint = isJoint
    }
}
