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

    /// Measures this process against the other side.
    func compare(with peer: Peer, in environment: BenchmarkEnvironment, threads: Int, rounds: Int, slice: Double) -> Comparison {
        var comparison = Comparison(name: name, title: title, kind: kind, threads: threads, target: target, limit: limit)
        do {
            let other = try otherSide(peer, &comparison)
            let work = try prepare(environment)
            try work()
            let own = Side(name: Side.apus) { try measure(work, seconds: $0) }
            try comparison.measure([own] + (other.map { [$0] } ?? []), rounds: rounds, slice: slice)
        } catch {
            comparison.remark = "\(error)"
        }
        return comparison
    }

    private var kind: Comparison.Kind {
        switch other {
        case .pytorch: .pytorch
        case .own: .own
        case .nothing: .alone
        }
    }

    /// How the other side is measured; nil where there is none.
    private func otherSide(_ peer: Peer, _ comparison: inout Comparison) throws -> Side? {
        switch other {
        case .pytorch:
            if let reason = try peer.prepare(name) {
                comparison.remark = "peer: \(reason)"
                return nil
            }
            return Side(name: "PyTorch") { try peer.measure(name, seconds: $0) }
        case .own(let times, let prepare):
            let work = try prepare()
            try work()
            return Side(name: "own", times: times) { try measure(work, seconds: $0) }
        case .nothing: return nil
        }
    }
}

/// What the set-up of a benchmark may need from outside.
struct BenchmarkEnvironment {
    /// The program that the peer saved for the case 'load'.
    let programFile: String
}
