package typealias Decision = SymbolScope.Decision

extension SymbolScope {
    /// What is known of a condition. Undecided is an answer of its own: never read it as false, as true, or as what holds for
    /// an example.
    public enum Decision: Sendable, Hashable {
        /// True for every input that the facts admit.
        case proved
        /// False for every input that the facts admit.
        case refuted
        /// Not decided. A witness is an input that satisfies all facts and makes the condition true (or false); none may have
        /// been found.
        case undecided(trueWitness: Assignment?, falseWitness: Assignment?)

        public var isProved: Bool { self == .proved }
        public var isRefuted: Bool { self == .refuted }

        /// The answer when there is one.
        public var known: Bool? {
            switch self {
            case .proved: true
            case .refuted: false
            case .undecided: nil
            }
        }
    }
}

/// What the procedure finds, with points as they are kept. Written out as assignments they would cost every open question as much as there
/// are symbols.
enum Answer: Sendable {
    case proved
    case refuted
    case open(whenTrue: Point?, whenFalse: Point?)

    /// Values by symbol index, and that of a float.
    struct Point: Sendable {
        let integers: [Int?]
        var float: (symbol: Symbol, value: Double)?
    }

    var known: Bool? {
        switch self {
        case .proved: true
        case .refuted: false
        case .open: nil
        }
    }
}

/// Who answers a question that a program asks of a symbolic value: the tracer.
package protocol Oracle: AnyObject, Sendable {
    /// The truth of a condition at a site. The answer must be one that the facts admit; the oracle records it and adds it to
    /// the path's facts.
    func decide(_ condition: SymBool, site: CallSite) -> Bool

    /// A concrete value for a size at a site.
    func specialize(_ size: SymInt, site: CallSite) -> Int

    /// Whether `specialize` follows each value that a size may have, since they are few.
    func canSpecialize(_ size: SymInt) -> Bool

    /// What must hold of a run's numbers for what the program computes to be what eager code computes, which is arithmetic of 64 bits. The
    /// oracle has the condition checked by the program and adds it to the path's facts.
    func require(_ condition: SymBool, _ failure: SymbolicError, site: CallSite)

    /// The answers that open questions got so far, as facts of the path, oldest first: wherever the path goes on, they hold. What only facts
    /// of some part of the path decided is not among them.
    var answers: [SymBool] { get }
}

extension Oracle {
    package var answers: [SymBool] { [] }
    package func canSpecialize(_ size: SymInt) -> Bool { false }
}
