/// Runs programs one after another and keeps count.
public struct FuzzSession {
    public private(set) var programs = 0
    public private(set) var agreed = 0
    public private(set) var points = 0
    public private(set) var pointless = 0
    /// Refusals by reason, and by how they begin.
    public private(set) var refusals: [String: Int] = [:]
    public private(set) var findings: [(seed: UInt64, finding: Finding, program: RandomProgram)] = []
    private let folder: String?

    /// - Parameter folder: where archives for the round trip are written; nil to leave that out.
    public init(folder: String?) { self.folder = folder }

    public static func program(seed: UInt64) -> RandomProgram {
        var generator = Generator(seed: seed)
        return generator.program()
    }

    /// Draws, exports and sweeps one program.
    public mutating func run(seed: UInt64) {
        let program: RandomProgram = FuzzSession.program(seed: seed)
        programs += 1
        switch program.verdict(seed: seed, folder: folder) {
        case .agrees(let count):
            agreed += 1
            points += count
        case .pointless: pointless += 1
        case .refused(let reason, let text): refusals["\(reason.rawValue): \(summary(text))", default: 0] += 1
        case .finding(let finding): findings.append((seed, finding, program))
        }
    }

    /// The first words, without what differs from program to program.
    private func summary(_ text: String) -> String {
        let line: String = text.split(separator: "\n").prefix(2).joined(separator: " ")
        let plain: String = String(line.map { $0.isNumber ? "#" : $0 })
        return String(plain.prefix(90))
    }

    /// How many of the programs that return for some input came through: exported, and equal to eager everywhere.
    public var share: Double { Double(agreed) / Double(max(programs - pointless, 1)) }

    /// A smaller program with a finding of the same kind.
    public func shrunk(_ program: RandomProgram, seed: UInt64, kind: Finding.Kind) -> (RandomProgram, Finding)? {
        var best: RandomProgram = program
        var found: Finding?
        var tries = 0
        var isSmaller = true
        while isSmaller, tries < 600 {
            isSmaller = false
            for candidate in best.smaller {
                tries += 1
                if tries >= 600 { break }
                guard case .finding(let finding) = candidate.verdict(seed: seed, folder: folder), finding.kind == kind else { continue }
                best = candidate
                found = finding
                isSmaller = true
                break
            }
        }
        // The archive that stays in the folder is that of the smallest program.
        _ = best.verdict(seed: seed, folder: folder)
        return found.map { (best, $0) }
    }

    public var summary: String {
        let refused: Int = refusals.values.reduce(0, +)
        var lines: [String] = [
            "\(programs) programs: \(agreed) agree with eager at \(points) inputs, \(refused) refused by export, \(pointless) never return, \(findings.count) findings; "
                + "\(Int((share * 100).rounded()))% of those that return come through"
        ]
        for (text, count) in refusals.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }).prefix(24) {
            lines.append("  \(count) x \(text)")
        }
        return lines.joined(separator: "\n")
    }
}

extension RandomProgram: CustomStringConvertible {
    /// The program as Swift that makes it.
    public var description: String {
        func plain(_ value: some Any) -> String {
            // What reflection prints of what stands in a list is Swift, but for the names of types.
            var text = String("\([value])".dropFirst().dropLast())
            for name in [
                "Statement", "TensorTerm.Unary", "TensorTerm.Reduction", "TensorTerm", "SizeTerm", "Question.Relation", "Question",
                "Domain.Size",
            ] {
                text = text.split(separator: "FuzzPrograms.\(name).", omittingEmptySubsequences: false).joined(separator: ".")
            }
            for range in ["ClosedRange(", "Optional("] {
                text = text.split(separator: range, omittingEmptySubsequences: false).joined(separator: "(")
            }
            return text
        }
        return "RandomProgram(body: \(plain(body)), result: \(plain(result)), number: \(plain(number)), "
            + "domain: Domain(first: \(plain(domain.first)), second: \(plain(domain.second)))\(isJoint ? ", isJoint: true" : ""))"
    }
}
