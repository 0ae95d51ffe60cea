import CApusKernels

/// The threads that all kernels share.
public enum Threads {
    /// How many a kernel may use, the calling one included: first `APUS_NUM_THREADS`, else the cores that the process may run on. Values are held between 1
    /// and 256, and count for what starts from then on. Results have the same bits on any number of threads.
    public static var count: Int {
        get { Int(apus_num_threads()) }
        set { apus_set_num_threads(Int32(clamping: newValue)) }
    }

    /// Runs the body, whose kernels use at most so many threads; nil sets no limit, and one within another does not lift it.
    public static func limited<Result>(to count: Int?, _ body: () throws -> Result) rethrows -> Result {
        guard let count else { return try body() }
        let outer: Int32 = apus_limit_threads(0)
        let own = Int32(clamping: max(count, 1))
        _ = apus_limit_threads(outer == 0 ? own : min(outer, own))
        defer { _ = apus_limit_threads(outer) }
        return try body()
    }

    /// Runs the body as one call: its core is not given to helpers of others between two of its kernels. Nothing in it should wait for another call.
    package static func call<Result>(_ body: () throws -> Result) rethrows -> Result {
        apus_begin_call()
        defer { apus_end_call() }
        return try body()
    }
}
