import CApusKernels

/// What Apus found on the machine it runs on.
public struct SystemInformation: Sendable {
    /// The vector instructions that kernels use: `baseline`, `avx2`, `avx512`.
    public let cpuLevel: String
    public let coreCount: Int
    /// Threads that kernels share; `APUS_NUM_THREADS` sets it.
    public let threadCount: Int
    /// The core type that OpenBLAS runs as.
    public let blasCore: String

    public static var current: SystemInformation {
        _ = apus_blas_initialize()
        return SystemInformation(
            cpuLevel: String(cString: apus_cpu_level()), coreCount: Int(apus_cpu_core_count()), threadCount: Int(apus_num_threads()),
            blasCore: String(cString: apus_blas_core_name()))
    }
}

/// The caching allocator's counts since the process started. Bytes are those of the blocks handed out, not of what was asked for.
public struct AllocatorStatistics: Sendable {
    public let allocations: Int
    public let frees: Int
    public let bytesInUse: Int
    public let peakBytesInUse: Int
    /// Bytes kept for reuse.
    public let bytesCached: Int
    /// Times that memory was asked from, or given back to, the system.
    public let systemCalls: Int

    public static var current: AllocatorStatistics {
        let now = apus_allocator_get_statistics()
        return AllocatorStatistics(
            allocations: Int(now.allocations), frees: Int(now.frees), bytesInUse: Int(now.bytes_in_use),
            peakBytesInUse: Int(now.peak_bytes_in_use), bytesCached: Int(now.bytes_cached), systemCalls: Int(now.system_calls))
    }

    /// Starts the peak anew from the bytes now in use.
    public static func resetPeak() { apus_allocator_reset_peak() }

    /// Gives the memory that is kept for reuse back to the system.
    public static func trim() { apus_allocator_trim() }
}
