import Apus
import ArgumentParser
import Foundation

/// Times every operator of the table beside PyTorch, on its own samples made larger, and prints the ratios, the slowest first.
@main
struct OperatorTimes: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator-times", abstract: "Time every operator beside PyTorch's, at small, medium and large sizes.")

    @Option(help: "The Python that has PyTorch.")
    var python = ".venv/bin/python"

    @Option(help: "The peer's script.")
    var peer = "Benchmarks/operator_times.py"

    @Option(help: "Only the operators whose name contains this.")
    var filter: String?

    @Option(help: "How often every dimension of a sample is repeated.")
    var factors: [Int] = [1, 32, 256]

    @Option(help: "Tensors with more elements are left out.")
    var largest = 1 << 22

    @Option(help: "Seconds for each call and side.")
    var seconds = 0.05

    @Option(help: "The number of threads on both sides.")
    var threads = 1

    func run() throws {
        setenv("APUS_NUM_THREADS", String(threads), 1)
        var cases: [Case] = []
        var ours: [Double] = []
        for operation in OperatorTable.all where operation.schema.namespace == "aten" && filter.map(operation.name.contains) ?? true {
            for one in try Case.all(of: operation, factors: factors) where one.size <= largest && (try? JSONEncoder().encode(one)) != nil {
                guard let arguments = try? one.arguments(), let time = try? fastest({ _ = try apply(operation, arguments) }) else {
                    continue
                }
                cases.append(one)
                ours.append(time)
            }
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("operator-times-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try JSONEncoder().encode(cases).write(to: file)
        let theirs: [Double?] = try answers(file.path).map { Double($0) }
        guard theirs.count == cases.count else { throw ValidationError("the peer fell silent at \(theirs.count) of \(cases.count)") }
        let rows = zip(zip(cases, ours), theirs).compactMap { left, theirs in
            theirs.map { (name: left.0.operation.name, size: left.0.size, ours: left.1, theirs: $0, ratio: $0 / left.1) }
        }
        print("ratio\tours_ns\tpytorch_ns\telements\toperator")
        for row in rows.sorted(by: { $0.ratio < $1.ratio }) {
            print(String(format: "%.2f\t%.0f\t%.0f\t%d\t", row.ratio, row.ours, row.theirs, row.size) + row.name)
        }
        print(
            "\(rows.count) of \(cases.count) calls compared, \(rows.count { $0.ratio < 0.8 }) under 0.8, \(rows.count { $0.ratio < 1 }) under 1"
        )
    }

    /// Nanoseconds of a call in the fastest batch.
    private func fastest(_ work: () throws -> Void) throws -> Double {
        func time(_ count: Int) throws -> Double {
            let start = DispatchTime.now().uptimeNanoseconds
            for _ in 0..<count { try work() }
            return Double(DispatchTime.now().uptimeNanoseconds - start)
        }
        try work()
        let once: Double = try time(1)
        let count: Int = once < 20 ? 1000 : max(1, Int((20_000 / once).rounded()))
        var best = Double.infinity
        let end = Date().addingTimeInterval(seconds)
        repeat { best = min(best, try time(count) / Double(count)) } while Date() < end
        return best
    }

    private func answers(_ cases: String) throws -> [Substring] {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [peer, cases, "\(seconds)", "\(threads)"]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return text.split(separator: "\n")
    }
}
