import Apus
import CApusMPI

/// What a process calls, in words that all processes of the group compare before they call it.
struct CollectiveCall: Sendable {
    let operation: String
    /// Everything in which the calls of all processes must agree.
    let details: String

    init(_ operation: String, _ details: String = "") { (self.operation, self.details) = (operation, details) }

    var text: String { details.isEmpty ? operation : "\(operation) \(details)" }

    /// FNV-1a, the same on every machine.
    var hash: Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(bitPattern: hash)
    }
}

// On the job's queue.
extension ProcessGroup {
    private static let textWidth = 256

    var seconds: Double {
        let (seconds, attoseconds) = options.timeout.components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }

    /// Makes sure that all processes call the same.
    /// - Throws: in all processes alike, where they don't.
    func agree(on call: CollectiveCall) throws {
        try Job.shared.requireSound()
        guard options.checksCalls, size > 1 else { return }
        // The smallest hash and, by its complement, the largest: equal where all are, and the same two numbers in all processes.
        if try agreeing([call.hash, ~call.hash], call) == [call.hash, ~call.hash] { return }
        throw error(.mismatch, call, "the processes call different operations: " + (try texts(call.text, call)).joined(separator: ", "))
    }

    /// Makes sure that a condition holds in all processes.
    /// - Parameter text: what a process says of it.
    func agree(that condition: Bool, _ text: String, _ call: CollectiveCall) throws {
        if try agreeing([condition ? 1 : 0], call) == [1] { return }
        throw error(.mismatch, call, "the processes' parts do not fit together: " + (try texts(text, call)).joined(separator: ", "))
    }

    private func agreeing(_ numbers: [Int64], _ call: CollectiveCall) throws -> [Int64] {
        let buffer = Buffer(byteCount: numbers.count * 8)
        buffer.pointer.copyMemory(from: numbers, byteCount: numbers.count * 8)
        let (dtype, minimum) = (Int32(DType.int64.rawValue), Int32(APUS_MPI_MINIMUM.rawValue))
        let status = apus_mpi_all_reduce(handle.pointer, buffer.pointer, Int64(numbers.count), dtype, minimum, seconds)
        try requireSuccess(status, call, buffer)
        return numbers.indices.map { buffer.pointer.load(fromByteOffset: $0 * 8, as: Int64.self) }
    }

    /// What each process says, for messages.
    private func texts(_ own: String, _ call: CollectiveCall) throws -> [String] {
        let width: Int = ProcessGroup.textWidth
        let (buffer, all) = (Buffer(byteCount: width), Buffer(byteCount: width * size))
        let text: [UInt8] = Array(own.utf8.prefix(width - 1)) + [0]
        buffer.pointer.copyMemory(from: text, byteCount: text.count)
        let status = apus_mpi_all_gather(handle.pointer, buffer.pointer, all.pointer, Int64(width), seconds)
        try requireSuccess(status, call, [buffer, all])
        // In a large group those that differ from the first are told, as far as a line takes them.
        let found: [String] = (0..<size).map { rank in
            let bytes = UnsafeRawBufferPointer(start: all.pointer + rank * width, count: width)
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let told: [Int] = size <= 8 ? Array(0..<size) : [0] + (1..<size).filter { found[$0] != found[0] }.prefix(7)
        return told.map { "rank \($0) \(found[$0])" }
    }

    func error(_ code: DistributedError.Code, _ call: CollectiveCall, _ message: String) -> DistributedError {
        DistributedError(code, rank: rank, in: call.operation, message)
    }

    /// Throws for a call of MPI that failed.
    /// - Parameter buffers: what the call reads and writes.
    func requireSuccess(_ status: apus_mpi_status, _ call: CollectiveCall, _ buffers: any Sendable = 0) throws {
        switch UInt32(bitPattern: status.code) {
        case APUS_MPI_OK.rawValue: return
        case APUS_MPI_TIMEOUT.rawValue:
            let failure = error(
                .timeout, call,
                "\(call.text) in group '\(name)' of \(size) processes did not end within \(options.timeout): another process has not called it, or has ended"
            )
            Job.shared.abandon(failure, buffers)
            throw failure
        case APUS_MPI_TOO_LARGE.rawValue: throw error(.tooLarge, call, "\(call.text): a part has more than 2^31 elements")
        case APUS_MPI_UNSUPPORTED.rawValue: throw error(.unsupported, call, "\(call.text) is not defined")
        default:
            // Other processes may be in the midst of it, and messages under way to these buffers: nothing can follow.
            let isMemory: Bool = status.code == Int32(bitPattern: APUS_MPI_NO_MEMORY.rawValue)
            let failure = error(.failed, call, isMemory ? "there is no memory for \(call.text)" : "\(call.text): \(status.text)")
            Job.shared.abandon(failure, buffers)
            throw failure
        }
    }
}

/// Memory that an operation without an end may go on to write.
final class Buffer: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    init(byteCount: Int) {
        pointer = .allocate(byteCount: max(byteCount, 1), alignment: 16)
        pointer.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
    }

    deinit { pointer.deallocate() }
}
