import Apus
import ArgumentParser
import Console
import Foundation

/// What the process that has only the file found out.
struct ClassificationReport: Codable {
    /// For each batch size: do the scores equal eager's, and what an image took.
    struct Batch: Codable {
        let size: Int
        let largestDifference: Double
        let sameDigits: Bool
        let microsecondsPerImage: Double
    }

    var loadMilliseconds: Double
    var batches: [Batch]
    /// The errors that inputs outside of the program's ranges gave, in the order of `Classify.badShapes`.
    var rejections: [String]
}

/// Loads the program in a process that has never seen the model, and classifies.
struct Classify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify",
        abstract: "Load a saved classifier and compare it with eager scores (the demo starts this in a new process).")

    /// Inputs that the program must refuse: a batch beyond its range, and images of another width.
    static let badShapes: [[SymInt]] = [[257, 1, 8, 8], [7, 1, 8, 9]]

    @Option(help: "The program.")
    var program: String

    @Option(help: "An .npz file with 'images' and eager's 'scores' for them.")
    var cases: String

    func run() throws {
        let clock = ContinuousClock()
        var loaded: ExportedProgram?
        let loading = try clock.measure { loaded = try ExportedProgram.load(from: program) }
        guard let classifier = loaded else { return }
        var report = ClassificationReport(loadMilliseconds: loading.seconds * 1e3, batches: [], rejections: [])

        let cases = try [String: Tensor].load(npz: cases)
        guard let images = cases["images"], let expected = cases["scores"] else {
            throw ValidationError("\(self.cases) holds no 'images' or no 'scores'")
        }
        for size in [1, 7, 256] {
            let batch = try images[0..<size]
            let eager = try expected[0..<size]
            let scores: Tensor = try classifier(batch)
            let seconds = try secondsPerCall { let _: Tensor = try classifier(batch) }
            report.batches.append(
                .init(
                    size: size,
                    largestDifference: Double(try (scores - eager).abs().amax().item(Float.self)),
                    sameDigits: try predictions(scores) == predictions(eager),
                    microsecondsPerImage: seconds / Double(size) * 1e6))
        }
        for shape in Self.badShapes {
            do {
                let _: Tensor = try classifier(try Tensor.zeros(shape))
                report.rejections.append("")
            } catch {
                report.rejections.append("\(error)")
            }
        }
        FileHandle.standardOutput.write(try JSONEncoder().encode(report))
    }

    /// Runs this command in a new process and reads its report.
    static func inNewProcess(program: String, cases: String) throws -> ClassificationReport {
        let process = Process()
        process.executableURL = try executable()
        process.arguments = ["classify", "--program", program, "--cases", cases]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw DemoError(description: "the new process failed with status \(process.terminationStatus); its message is above")
        }
        return try JSONDecoder().decode(ClassificationReport.self, from: data)
    }

    /// This program's own file, also when it was found along the search path.
    private static func executable() throws -> URL {
        if let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") { return URL(fileURLWithPath: path) }
        if let url = Bundle.main.executableURL { return url }
        throw DemoError(description: "this program's own file can't be found")
    }
}
