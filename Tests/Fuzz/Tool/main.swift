import Foundation
import FuzzFiles
import FuzzPrograms

// fuzz [seconds] [first seed] [folder] [programs] [shrunk]: draws programs until the time is over, or so many were run; shrinks what it finds,
// up to so many, and prints the others as they are.
// The seed of the program that runs is in `<folder>/current-seed`, for the case that it takes the process down.

// fuzz files [seconds] [first seed] [folder]: damages files of all formats and opens each in a process of its own, which is this one's `open`.
// fuzz open <path>: says what opening a file comes to.

let arguments: [String] = CommandLine.arguments
func argument(_ index: Int) -> String? { index < arguments.count ? arguments[index] : nil }
if argument(1) == "open", let path = argument(2) {
    OpenFile.main(path)
    exit(0)
}
if argument(1) == "files" {
    let seconds: Double = argument(2).flatMap(Double.init) ?? 60
    let first: UInt64 = argument(3).flatMap(UInt64.init) ?? 1
    var session = try FileSession(folder: argument(4) ?? NSTemporaryDirectory() + "apus-files", tool: ["/proc/self/exe", "open"])
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(seconds) {
        let known: Int = session.findings.count
        try session.run(seed: first &+ UInt64(session.files))
        if session.findings.count > known { print(session.findings[known]) }
    }
    print(session.summary)
    exit(session.findings.isEmpty ? 0 : 1)
}
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
