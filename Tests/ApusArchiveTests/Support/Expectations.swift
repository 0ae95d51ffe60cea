import Testing

@testable import ApusArchive

/// Runs `body`, which must throw an `ArchiveError`, and gives it. Anything else is recorded at the caller's line.
@discardableResult
func archiveError(
    _ code: ArchiveError.Code? = nil, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> ArchiveError? {
    do {
        try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as ArchiveError {
        if let code, error.code != code {
            Issue.record("expected \(code), got \(error.code): \(error)", sourceLocation: sourceLocation)
        }
        return error
    } catch {
        Issue.record("not an ArchiveError: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}

/// Deterministic random numbers for tests.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
