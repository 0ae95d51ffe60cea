import Foundation
import FuzzPrograms

// fuzz [seconds] [first seed] [folder] [programs] [shrunk]: draws programs until the time is over, or so many were run; shrinks what it finds,
// up to so many, and prints the others as they are.
// The seed of the program that runs is in `<folder>/current-seed`, for the case that it takes the process down.

let arguments: [String] = CommandLine.arguments
func argument(_ index: Int) -> String? { index < arguments.count ? arguments[index] : nil }
let seconds: Double = argument(1).flatMap(Double.init) ?? 600
let first: UInt64 = argument(2).flatMap(UInt64.init) ?? 1
let folder: String = argument(3) ?? NSTemporaryDirectory()
let limit: Int = argument(4).flatMap(Int.init) ?? .max
let shrunk: Int = argument(5).flatMap(Int.init) ?? 12

try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
var session = FuzzSession(folder: folder)
var seed: UInt64 = first
let start = ContinuousClock.now
while session.programs < limit, ContinuousClock.now - start < .seconds(seconds) {
    try Data("\(seed)\n".utf8).write(to: URL(fileURLWithPath: folder + "/current-seed"))
    let known: Int = session.findings.count
    session.run(seed: seed)
    if let latest = session.findings.last, session.findings.count > known {
        print("seed \(seed): \(latest.finding)")
        if known < shrunk, let (program, finding) = session.shrunk(latest.program, seed: seed, kind: latest.finding.kind) {
            print("  shrunk to \(program)\n  \(finding)")
        } else {
            print("  \(latest.program)")
        }
        fflush(nil)
    }
    seed &+= 1
}
print(session.summary)
exit(session.findings.isEmpty ? 0 : 1)
