/// Answers of no meaning, the same in every run: for questions of a trace that has failed, so that loops which wait for one answer, or for some
/// pattern of answers, come to an end.
package struct AnyAnswer: Sendable {
    private var state: UInt64 = 0x2545_F491_4F6C_DD1D

    package init() {}

    package mutating func next() -> Bool {
        // Xorshift (Marsaglia 2003).
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state >> 63 == 1
    }
}
