import CApusKernels
import Synchronization

/// A source of random numbers: a place in a counter-based stream (Philox 4x32-10).
///
/// Each drawing takes the next stretch of the stream, so that the numbers depend on the seed and on the order of drawings, never on the
/// number of threads. Safe to use from many tasks; which drawing comes first is then up to them.
public final class RandomGenerator: Sendable {
    /// A place in a stream. Saved and restored, it repeats what follows it.
    public struct State: Sendable, Hashable {
        public var seed: UInt64
        /// How far into the stream.
        public var offset: UInt64

        public init(seed: UInt64, offset: UInt64 = 0) {
            self.seed = seed
            self.offset = offset
        }
    }

    private let current: Mutex<State>

    /// The generator of all drawings that name no seed. It starts from a seed that the system gives. A function that is being traced sees a
    /// copy, so that tracing leaves the caller's where it is.
    public static var `default`: RandomGenerator { Interpreter.current?.randomGenerator ?? shared }

    private static let shared = RandomGenerator(seed: .random(in: .min ... .max))

    public init(seed: UInt64) {
        current = Mutex(State(seed: seed))
    }

    /// A generator at another one's place.
    package convenience init(copying other: RandomGenerator) {
        let place: State = other.state
        self.init(seed: place.seed)
        state = place
    }

    /// Starts the stream of a seed from its beginning.
    public func seed(_ seed: UInt64) {
        state = State(seed: seed)
    }

    /// The place from which the next drawing takes its numbers.
    public var state: State {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }

    /// Takes the stretch of the stream that a drawing of so many elements needs.
    func take(_ count: Int) -> apus_random_state {
        let advance = apus_random_advance(Int64(count))
        return current.withLock { state in
            let place = apus_random_state(seed: state.seed, offset: state.offset)
            state.offset &+= advance
            return place
        }
    }
}
