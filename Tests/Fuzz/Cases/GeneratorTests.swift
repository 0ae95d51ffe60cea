import Apus
import Testing

@testable import FuzzPrograms

/// That the fuzzer draws what it is for, and takes for a bug what is one.
@Suite struct GeneratorTests {
    @Test func everyConstructIsDrawn() {
        let texts: String = (0..<600 as Range<UInt64>).map { FuzzSession.program(seed: $0).description }.joined()
        for construct in [
            ".cond(", ".map(over", ".scan(over", "isReversed: true", "givesLast: true", ".loop(", "grows: true", ".loopByValue(",
            ".gradient(of",
            ".attempt(", ".masked(", ".quotient(", ".modulus(", ".divide(", ".remainder(", ".integer(", ".readNumber(", ".readCount(",
            ".plainDim(", ".plainExceeds(", ".isMultiple(", ".repeated(", ".halving(", ".remember(", ".fail", ".require(", "isJoint: true",
        ] { #expect(texts.contains(construct), "no program with \(construct)") }
    }

    @Test func integersReachTheEnds() throws {
        var random = SplitMix(seed: 1)
        let program = FuzzSession.program(seed: 1)
        var seen = Set<Int>()
        for _ in 0..<400 {
            let point: [Int] = program.domain.example(&random)
            seen.formUnion(try program.inputs(point, style: 0, &random)[2].array(of: Int.self))
        }
        for value in [Int.max, .min, .max - 1, .min + 1, .max / 2, 0, 1, -1, 1 << 40, -(1 << 40)] {
            #expect(seen.contains(value), "\(value)")
        }
    }

    /// A program whose text always reads as the Swift that makes it.
    @Test func programsPrintAsSwift() {
        let program = RandomProgram(
            body: [.setTensor(0, .cond(.isMultiple(.dim(tensor: 0, 0), of: .constant(2)), .memory, .variable(1)))], result: .memory,
            number: .variable(0), domain: Domain(first: [.range(1...3)], second: [.fixed(2)]), isJoint: true)
        #expect(
            program.description
                == "RandomProgram(body: [.setTensor(0, .cond(.isMultiple(.dim(tensor: 0, 0), of: .constant(2)), .memory, .variable(1)))], result: .memory, number: .variable(0), domain: Domain(first: [.range((1...3))], second: [.fixed(2)]), isJoint: true)"
        )
    }

    private func kind(_ error: any Error, throwsEverywhere: Bool = false, isJoint: Bool = false) -> String {
        var program = FuzzSession.program(seed: 1)
        program.isJoint = isJoint
        switch program.judge(error, throwsEverywhere: { throwsEverywhere }) {
        case .agrees: return "agrees"
        case .pointless: return "pointless"
        case .refused(let reason, _): return reason.rawValue
        case .finding(let finding): return "finding: \(finding.kind.rawValue)"
        }
    }

    @Test func refusals() throws {
        let x = try Tensor.ones([4])
        let violation = #expect(throws: ConstraintViolationError.self) {
            try export({ (x: Tensor) in try x.reshaped([-1, 2]) }, args: x, constraints: [dynamicDim(x, 0)])
        }
        #expect(kind(try #require(violation)) == "constraints")
        #expect(kind(ProgramError(.overBudget, "")) == "overBudget")
        #expect(kind(ProgramError(.untraceable, "a size can't be computed: ...")) == "invalidSize")
        #expect(kind(TensorError(.tracing, "...")) == "plainValue")
        #expect(kind(TensorError(.notDifferentiable, "..."), isJoint: true) == "notDifferentiable")
        // The program's own errors, where each input gets them from eager as well.
        #expect(kind(TensorError(.shapeMismatch, "..."), throwsEverywhere: true) == "pointless")
        #expect(kind(Refusal(), throwsEverywhere: true) == "pointless")
    }

    @Test func refusalsThatAreBugs() {
        #expect(kind(TensorError(.shapeMismatch, "...")) == "finding: unexpectedRefusal")
        #expect(kind(SymbolicError(.overflow, "...")) == "finding: unexpectedRefusal")
        #expect(kind(ProgramError(.untraceable, "...")) == "finding: unexpectedRefusal")
        #expect(kind(Refusal()) == "finding: unexpectedRefusal")
        #expect(kind(ProgramError(.selfCheck, "...")) == "finding: wrongValue")
        for code in [ProgramError.Code.invalidGraph, .notDeterministic, .leakedValue, .structureMismatch] {
            #expect(kind(ProgramError(code, "..."), throwsEverywhere: true) == "finding: brokenGraph")
        }
        #expect(kind(ArchiveError(.limit, "..."), throwsEverywhere: true) == "finding: untypedError")
        struct Odd: Error {}
        #expect(kind(Odd(), throwsEverywhere: true) == "finding: untypedError")
    }
}
