import Testing

@testable import ApusArchive

/// What names cost, counted.
@Suite("Names in files")
struct NameCostTests {
    @Test("Ten thousand nodes of one operator get their names in as many steps")
    func manyOfOneName() {
        var names = PythonNames()
        let claimed: [String] = (0..<10_000).map { _ in names.claim("sym_size_int") } + (0..<10_000).map { _ in names.claim("ge") }
        #expect(Set(claimed).count == claimed.count)
        #expect(claimed[1] == "sym_size_int_1" && claimed[9_999] == "sym_size_int_9999")
        #expect(names.attempts < 2 * claimed.count + 10)
    }

    @Test func aNameThatANumberHasTaken() {
        var names = PythonNames()
        #expect(["ge_1", "ge", "ge", "ge"].map { names.claim($0) } == ["ge_1", "ge", "ge_2", "ge_3"])
    }
}
