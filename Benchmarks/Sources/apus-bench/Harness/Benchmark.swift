/// One comparison: a piece of work that the peer does too, under the same name; or one that is ours alone.
struct Benchmark {
    /// What a piece of work is compared with.
    enum Other {
        /// The peer's work of the same name.
        case pytorch
        /// Other work of ours, so many times.
        case own(times: Int, prepare: () throws -> () throws -> Void)
        /// Nothing: the peer has nothing of the kind.
        case nothing
    }

    /// The name that both sides know the work by.
    let name: String
    /// What a reader sees in the table.
    let title: String
    /// How many times faster than the peer this has to be, where that was promised.
    var target: Double?
    /// How many nanoseconds it may take, where that was promised.
    var limit: Double?
    var other = Other.pytorch
    /// Sets the work up and returns the part that is timed. Called after the peer is ready.
    let prepare: (BenchmarkEnvironment) throws -> () throws -> Void
}

/// What the set-up of a benchmark may need from outside.
struct BenchmarkEnvironment {
    /// The program that the peer saved for the case 'load'.
    let programFile: String
}
