import Foundation
import Testing

/// The example: its curve, its end, and how it goes on.
@Suite(.serialized)
struct DigitsTests {
    private func curve(_ folder: String) throws -> [Double] {
        try String(contentsOfFile: "\(folder)/losses.csv", encoding: .utf8).split(separator: "\n").dropFirst().map { line in
            let parts = line.split(separator: ",")
            guard parts.count == 2, let loss = Double(parts[1]) else {
                throw Processes.Failure(description: "'\(line)' is no point of a curve")
            }
            return loss
        }
    }

    private func difference(_ a: [Double], _ b: [Double]) -> Double {
        a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test func severalProcessesTrainAsOne() throws {
        try withProcesses { processes in
            func train(_ label: String, _ count: Int?, _ dtype: String) throws -> [Double] {
                let output: String = "\(processes.folder)/\(label)"
                let arguments: [String] = ["--epochs", "2", "--dtype", dtype, "--output", output] + (count == nil ? [] : ["--distributed"])
                let program = "distributed-digits"
                let result = try count.map { try processes.mpirun($0, program, arguments) } ?? processes.run(product: program, arguments)
                #expect(result.status == 0, "\(result.output)")
                return try curve(output)
            }
            for (dtype, tolerance) in [("float32", 1e-5), ("float64", 1e-12)] {
                let whole: [Double] = try train("whole-\(dtype)", nil, dtype)
                #expect(whole.count == 44 && (whole.last ?? 9) < 0.5)
                for count in dtype == "float32" ? [1, 2, 4] : [4] {
                    let shared: [Double] = try train("\(count)-\(dtype)", count, dtype)
                    let found: Double = difference(whole, shared)
                    #expect(found <= tolerance, "\(count) processes in \(dtype) differ by \(found)")
                }
            }
        }
    }

    @Test func goesOnAfterADeath() throws {
        try withProcesses { processes in
            let folder: (String) -> String = { "\(processes.folder)/\($0)" }
            let arguments: [String] = ["--distributed", "--epochs", "2", "--checkpoint-every", "10"]
            let whole = try processes.mpirun(2, "distributed-digits", arguments + ["--output", folder("whole")])
            #expect(whole.status == 0, "\(whole.output)")
            // One process is killed in the second epoch: the job ends within seconds and says so.
            let died = try processes.mpirun(
                4, "distributed-digits", arguments + ["--output", folder("died"), "--stop-after", "27", "--kill-rank", "2"])
            #expect(died.status != 0 && died.seconds < 60, "\(died)")
            #expect(died.output.contains("rank 2") && died.output.contains("signal 9"), "\(died.output)")
            #expect(try curve(folder("died")).count >= 26)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: folder("died")).sorted() == ["checkpoint.safetensors", "losses.csv"])
            // It goes on from its twentieth step, in other processes than before: optimizer states are whole in the file.
            let again = try processes.mpirun(2, "distributed-digits", arguments + ["--output", folder("died")])
            #expect(again.status == 0 && again.output.contains("going on after step 20"), "\(again.output)")
            let (a, b): ([Double], [Double]) = (try curve(folder("whole")), try curve(folder("died")))
            #expect(difference(a, b) <= 1e-5, "\(difference(a, b))")
            // In the same number of processes to the last bit.
            let stopped = try processes.mpirun(2, "distributed-digits", arguments + ["--output", folder("same"), "--stop-after", "30"])
            #expect(stopped.status == 0, "\(stopped.output)")
            let same = try processes.mpirun(2, "distributed-digits", arguments + ["--output", folder("same")])
            #expect(same.status == 0 && same.output.contains("going on after step 30"), "\(same.output)")
            #expect(try curve(folder("same")) == a)
            // What is done already is not done again.
            let nothing = try processes.mpirun(2, "distributed-digits", arguments + ["--output", folder("same"), "--epochs", "1"])
            #expect(nothing.status == 0 && nothing.output.contains("going on after step 40"), "\(nothing.output)")
        }
    }
}
