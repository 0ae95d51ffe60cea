import Foundation
import FuzzPrograms
import Testing

/// Programs that once disagreed with eager, shrunk.
@Suite struct FoundTests {
    static let programs: [(why: String, program: RandomProgram)] = [
        (
            "the gradient of a branch at a tensor that the branch also uses for itself",
            RandomProgram(
                body: [
                    .setTensor(
                        0, .gradient(of: .cond(.intExceeds(.variable(0), 3), .variable(1), .variable(0)), at: .variable(1)))
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(2)], second: [.fixed(2)]))
        ),
        (
            "a result that nobody reads of a number that is none",
            RandomProgram(
                body: [.attempt([.setTensor(1, .scaled(.variable(0), .modulus(.constant(1), .constant(0))))], else: [])],
                result: .filled(.constant(1), 0.25), number: .constant(1),
                domain: Domain(first: [.fixed(2), .fixed(2)], second: [.fixed(2), .fixed(2)]))
        ),
        (
            "an operation on a number that is none on one path",
            RandomProgram(
                body: [
                    .setTensor(0, .slice(.variable(0), from: .constant(1), to: .constant(1), step: 2)),
                    .branch(
                        .truth(.variable(0), 0.1),
                        [.require(.intExceeds(.scaled(.variable(0), .modulus(.constant(1), .dim(tensor: 0, 0))), 3))], []),
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(2)], second: [.fixed(2)]))
        ),
        (
            "a loop whose body always throws, where the error is caught",
            RandomProgram(
                body: [
                    .attempt(
                        [.setTensor(0, .loopByValue(.variable(0), above: 0.1, from: .variable(0), .rowsUnasked(.variable(0), 2)))],
                        else: [])
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(1)], second: [.fixed(2)]))
        ),
        (
            "a loop that makes no pass by what its body asks",
            RandomProgram(
                body: [
                    .setTensor(
                        1,
                        .loopByValue(
                            .loop(.remainder(.dim(tensor: 1, 0), 2), from: .variable(1), .rows(.variable(0), 2), grows: false), above: 0.1,
                            from: .variable(0), .variable(0)))
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(2)], second: [.atLeast(1)]))
        ),
        (
            "the same in a file",
            RandomProgram(
                body: [
                    .setTensor(
                        0, .loop(.divide(.dim(tensor: 2, 1), 4), from: .variable(0), .rows(.variable(0), 2), grows: false))
                ],
                result: .variable(0), number: .constant(1),
                domain: Domain(first: [.range(3...4)], second: [.fixed(2), .fixed(2)]))
        ),
        (
            "the gradient of a gradient through a mask of one element",
            RandomProgram(
                body: [
                    .halving(
                        0, above: 2,
                        [
                            .setTensor(
                                0,
                                .gradient(
                                    of: .gradient(
                                        of: .map(
                                            over: .variable(0),
                                            .slice(.masked(.variable(0), above: 0.1), from: .constant(1), to: .constant(0), step: 2)),
                                        at: .variable(0)), at: .variable(0)))
                        ])
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.range(2...3)], second: [.fixed(2)]))
        ),
        (
            "sizes that are put together from a file",
            RandomProgram(
                body: [
                    .setTensor(
                        0,
                        .padded(
                            .memory, before: .max(.constant(2), .dim(tensor: 0, 0)),
                            after: .subtract(.dim(tensor: 0, 1), .count(tensor: 0)))),
                    .setTensor(0, .narrow(.variable(0), from: .min(.constant(1), .dim(tensor: 0, 0)), length: .variable(2))),
                ],
                result: .narrow(.variable(0), from: .constant(1), length: .constant(1)), number: .constant(1),
                domain: Domain(first: [.range(1...3), .range(1...2)], second: [.fixed(2), .fixed(2)]))
        ),
        (
            "a check of arithmetic on the path that an element of the input takes",
            RandomProgram(
                body: [
                    .readNumber(0, element: 2), .branch(.compare(.variable(3), .greater, .constant(0)), [], []),
                    .setSize(2, .multiply(.min(.variable(0), .constant(1)), .constant(2))),
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.oneOf([4, 6, 8])], second: [.fixed(5)]))
        ),
        (
            "what a loop's end says of a number near the largest",
            RandomProgram(
                body: [
                    .readNumber(0, element: 2),
                    .setTensor(2, .loop(.variable(3), from: .variable(0), .variable(0), grows: false)),
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(1)], second: [.fixed(2)]))
        ),
        (
            "a slice by a number whose size a check behind it says more of",
            RandomProgram(
                body: [
                    .readNumber(4, element: 2),
                    .setTensor(
                        0,
                        .map(
                            over: .slice(.variable(0), from: .divide(.dim(tensor: 1, 1), 2), to: .variable(4), step: 2), .variable(0))),
                ],
                result: .variable(0), number: .constant(1),
                domain: Domain(first: [.fixed(2), .fixed(2)], second: [.range(3...6)]))
        ),
        (
            "a result that is no number on one path",
            RandomProgram(
                body: [.branch(.compare(.dim(tensor: 1, 1), .lessOrEqual, .constant(0)), [], [])], result: .variable(0),
                number: .quotient(.constant(1), .variable(3)),
                domain: Domain(first: [.fixed(2), .fixed(2)], second: [.fixed(2), .range(0...1)]))
        ),
        (
            "a body of a loop that throws and never runs",
            RandomProgram(
                body: [
                    .setTensor(
                        2,
                        .loopByValue(
                            .variable(0), above: 0.1, from: .variable(0),
                            .reduce(.amin, .narrow(.variable(0), from: .dim(tensor: 0, 0), length: .constant(1)), dim: nil)))
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(2)], second: [.fixed(2), .fixed(2)]))
        ),
        (
            "a requirement on a number that is read, whose error is caught",
            RandomProgram(
                body: [.readNumber(1, element: 2), .attempt([.constrain(4, max: 13)], else: [])],
                result: .filled(.constant(1), 0.25), number: .constant(1), domain: Domain(first: [.fixed(10)], second: [.atLeast(1)]))
        ),
        (
            "the gradient of a branch that the shapes rule out",
            RandomProgram(
                body: [
                    .setTensor(
                        1,
                        .gradient(
                            of: .add(.variable(0), .cond(.intExceeds(.arange(.constant(1)), 3), .variable(0), .variable(1))),
                            at: .variable(0)))
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(2)], second: [.fixed(3)]))
        ),
        (
            "the gradient of a branch by a size that the shapes rule out",
            RandomProgram(
                body: [
                    .setTensor(
                        1,
                        .gradient(
                            of: .add(.variable(0), .cond(.compare(.constant(2), .lessOrEqual, .dim(tensor: 2, 1)), .variable(0), .memory)),
                            at: .variable(0)))
                ],
                result: .rows(.variable(0), 2), number: .constant(1),
                domain: Domain(first: [.range(1...2)], second: [.fixed(2), .fixed(2)]))
        ),
        (
            "a step of a scan that does not look at its slice",
            RandomProgram(
                body: [], result: .map(over: .unary(.cos, .variable(0)), .arange(.constant(1))), number: .constant(1),
                domain: Domain(first: [.fixed(1)], second: [.fixed(1)]), isJoint: true)
        ),
        (
            "a number that is read after a branch, and that one side divides by",
            RandomProgram(
                body: [
                    .branch(
                        .isMultiple(.dim(tensor: 1, 1), of: .constant(2)),
                        [.setTensor(2, .variable(1)), .setTensor(1, .filled(.constant(1), 0.25))], []), .readNumber(1, element: 2),
                ],
                result: .arange(.constant(1)), number: .modulus(.dim(tensor: 2, 0), .variable(1)),
                domain: Domain(first: [.fixed(0)], second: [.fixed(2), .range(1...2)]))
        ),
        (
            "a divisor that may be zero",
            RandomProgram(
                body: [.branch(.isMultiple(.constant(1), of: .add(.variable(0), .constant(-1))), [.setTensor(0, .variable(1))], [])],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.range(1...2)], second: [.fixed(2), .fixed(2)]))
        ),
        (
            "a number that no integer is and that nobody looks at",
            RandomProgram(
                body: [.readNumber(0, element: 1), .setSize(0, .add(.variable(0), .constant(1)))], result: .variable(0),
                number: .constant(1), domain: Domain(first: [.fixed(3)], second: [.fixed(2)]))
        ),
        (
            "sizes that numbers read inside of a branch decide",
            RandomProgram(
                body: [.halving(0, above: 1, [.branch(.truth(.variable(0), 1.1), [.returnNow(.variable(0))], [])])],
                result: .reduce(.amax, .variable(0), dim: nil), number: .constant(1),
                domain: Domain(first: [.fixed(6), .fixed(2)], second: [.fixed(2), .fixed(2)]))
        ),
        (
            "a number that is read on one side of a branch",
            RandomProgram(
                body: [.branch(.truth(.variable(0), 0.1), [.readCount(3, .variable(0), 0.1)], [])],
                result: .variable(0), number: .variable(3), domain: Domain(first: [.fixed(2)], second: [.fixed(2)]))
        ),
        (
            "a number that is read in a loop over a size",
            RandomProgram(
                body: [.halving(1, above: 3, [.readCount(0, .variable(0), 0.1)])],
                result: .filled(.constant(0), 0.25), number: .variable(0),
                domain: Domain(first: [.fixed(2), .range(3...4)], second: [.fixed(2)]))
        ),
        (
            "two questions joined, both about what is read",
            RandomProgram(
                body: [
                    .branch(
                        .and(.intExceeds(.variable(0), 1), .intExceeds(.variable(0), 1)), [.halving(1, above: 3, [])], [])
                ],
                result: .filled(.variable(1), 0.25), number: .constant(1), domain: Domain(first: [.fixed(2)], second: [.fixed(9)]))
        ),
        (
            "a part that one branch takes where a count is read",
            RandomProgram(
                body: [
                    .branch(
                        .intExceeds(.add(.variable(1), .variable(0)), 0),
                        [.setTensor(2, .narrow(.variable(0), from: .constant(1), length: .constant(1)))], [])
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(2)], second: [.range(1...2)]))
        ),
        (
            "two results of one unknown size",
            RandomProgram(
                body: [
                    .branch(
                        .floatExceeds(.variable(0), 0.1),
                        [.branch(.truth(.variable(0), 0.1), [.setTensor(0, .variable(1))], [])], [])
                ],
                result: .cat(.variable(0), .variable(0)), number: .constant(1),
                domain: Domain(first: [.fixed(2), .fixed(2)], second: [.fixed(2)]))
        ),
        (
            "two branches that read numbers of the same name, saved",
            RandomProgram(
                body: [
                    .halving(2, above: 2, [.setTensor(1, .flatten(.variable(0)))]),
                    .branch(.intExceeds(.variable(0), 1), [.setTensor(2, .variable(1))], []),
                ],
                result: .variable(0), number: .constant(1),
                domain: Domain(first: [.fixed(2)], second: [.fixed(2), .range(2...3)]))
        ),
        (
            "rows on one side of a branch, saved",
            RandomProgram(
                body: [
                    .branch(.intExceeds(.add(.variable(0), .variable(1)), 1), [.setTensor(2, .rows(.variable(0), 3))], []),
                    .setTensor(2, .add(.variable(1), .variable(0))),
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.fixed(3)], second: [.range(2...3)]))
        ),
        (
            "two reads under a question of two parts, then another read",
            RandomProgram(
                body: [
                    .branch(.and(.floatExceeds(.variable(0), 0.1), .truth(.variable(0), 0.1)), [], []),
                    .branch(.floatExceeds(.arange(.constant(1)), 0.1), [.setTensor(1, .filled(.constant(1), 0.25))], []),
                ],
                result: .variable(0), number: .dim(tensor: 1, 0),
                domain: Domain(first: [.fixed(2)], second: [.fixed(2), .fixed(2)]))
        ),
        (
            "a number of one side after the branch",
            RandomProgram(
                body: [
                    .halving(
                        2, above: 1,
                        [
                            .branch(.intExceeds(.variable(0), 3), [.setTensor(1, .add(.variable(0), .variable(0)))], []),
                            .readCount(2, .variable(0), 0.1),
                        ])
                ],
                result: .variable(1), number: .dim(tensor: 1, 1), domain: Domain(first: [.fixed(2)], second: [.fixed(12)]))
        ),
        (
            "a number that only one side of a cond admits, then a loop",
            RandomProgram(
                body: [
                    .setTensor(
                        1,
                        .cond(
                            .compare(.dim(tensor: 2, 0), .less, .constant(1)), .variable(0),
                            .scaled(.variable(0), .integer(.dim(tensor: 1, 0))))),
                    .setTensor(1, .loop(.dim(tensor: 2, 0), from: .arange(.constant(1)), .variable(0), grows: false)),
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.range((0...1))], second: [.same(0)]))
        ),
        (
            "a number that only one side of a cond admits, then a slice",
            RandomProgram(
                body: [
                    .setTensor(
                        1,
                        .cond(
                            .compare(.variable(2), .greater, .divide(.dim(tensor: 0, 0), 4)), .variable(0),
                            .padded(.variable(0), before: .constant(1), after: .integer(.dim(tensor: 0, 0))))),
                    .readCount(3, .slice(.variable(0), from: .constant(1), to: .divide(.variable(1), 2), step: 1), 0.1),
                ],
                result: .variable(0), number: .constant(1), domain: Domain(first: [.range((3...8))], second: [.fixed(9)]))
        ),
    ]

    @Test(arguments: programs.indices) func agreesWithEager(index: Int) throws {
        let folder: URL = FileManager.default.temporaryDirectory.appendingPathComponent("apus-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (why, program) = FoundTests.programs[index]
        for seed in 1...3 as ClosedRange<UInt64> {
            switch program.verdict(seed: seed, folder: folder.path) {
            case .agrees(let points): #expect(points > 0)
            case .refused(let reason, let text): Issue.record("\(why): refused: \(reason) \(text)")
            case .pointless: Issue.record("\(why): never returns")
            case .finding(let finding): Issue.record("\(why): \(finding)")
            }
        }
    }
}
