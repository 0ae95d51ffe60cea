import Apus
import ArgumentParser
import Console
import DigitsModel
import Foundation

@main
struct Digits: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train on handwritten digits, export, save, and classify in a new process that has only the file.",
        subcommands: [Demo.self, Classify.self], defaultSubcommand: Demo.self)
}

/// The whole road: eager training, export, saving, loading elsewhere, running again.
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The whole demo (the default).")

    @Option(help: "The digits, an .npy file: see DATA.md beside it.")
    var data = "Examples/Data/digits.npy"

    @Option(help: "The folder for digits.pt2, digits.svg and the held-out images with their scores.")
    var output = "."

    @Option(help: "How often training sees every image.")
    var epochs = 15

    @Option(help: "Decides the initial weights, the order of the images, and what dropout drops.")
    var seed: UInt64 = 0

    func validate() throws {
        guard epochs >= 1 else { throw ValidationError("--epochs must be at least 1") }
    }

    func run() throws {
        let folder = URL(fileURLWithPath: output, isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

        let digits = try DigitsData(path: data)
        print("\(try digits.training.count) images to train on, \(try digits.heldOut.count) held out.")

        Tensor.seed(seed)
        let model = try DigitClassifier()
        let training = try ContinuousClock().measure {
            try train(model, on: digits.training, epochs: epochs, batchSize: 64, seed: seed)
        }
        let scores = try model(digits.heldOut.images)
        let predicted = try predictions(scores)
        let share = accuracy(predicted, try digits.heldOut.digits.array(of: Int.self))
        let eager = try eagerTimes(model, digits.heldOut.images)

        // The example has 2 images; the constraint says that any number from 1 to 256 will do.
        let example = try digits.heldOut.images[0..<2]
        let program = try export(
            model, args: example, constraints: [dynamicDim(example, 0).in(1...256)], options: ExportOptions(names: ["images"]))
        try program.save(to: path("digits.pt2"))
        try ["images": digits.heldOut.images, "scores": scores].save(npz: path("held-out.npz"))
        let report = try Classify.inNewProcess(program: path("digits.pt2"), cases: path("held-out.npz"))
        try drawGallery(digits.heldOut, predicted: predicted, to: path("digits.svg"))

        let size = try FileManager.default.attributesOfItem(atPath: path("digits.pt2"))[.size] as? Int ?? 0
        print("\n" + summary(share, training, eager, report, fileSize: size) + "\n")
        print("Refused, as they should be:")
        for (shape, message) in zip(Classify.badShapes, report.rejections) { print("  \(shape): \(message)") }
        print("\nWritten: \(path("digits.pt2")), \(path("digits.svg"))")
        try judge(share, report)
    }

    /// Seconds per call for the batch sizes that the exported program is measured at.
    private func eagerTimes(_ model: DigitClassifier, _ images: Tensor) throws -> [Int: Double] {
        var times: [Int: Double] = [:]
        for size in [1, 7, 256] {
            let batch = try images[0..<size]
            times[size] = try secondsPerCall { _ = try model(batch) }
        }
        return times
    }

    private func summary(
        _ share: Double, _ training: Duration, _ eager: [Int: Double], _ report: ClassificationReport, fileSize: Int
    ) -> String {
        var table = Table(("what", .left), ("value", .right))
        table.add("accuracy on held-out images", decimal(share * 100, places: 2) + " %")
        table.add("training, \(epochs) epochs", decimal(training.seconds, places: 1) + " s")
        table.add("size of digits.pt2", decimal(Double(fileSize) / 1024, places: 1) + " KiB")
        table.add("loading it in the new process", decimal(report.loadMilliseconds, places: 1) + " ms")
        for batch in report.batches {
            let eagerTime = (eager[batch.size] ?? .nan) / Double(batch.size) * 1e6
            table.add("batch of \(batch.size): eager, per image", decimal(eagerTime, places: 1) + " us")
            table.add("batch of \(batch.size): exported, per image", decimal(batch.microsecondsPerImage, places: 1) + " us")
            table.add("batch of \(batch.size): largest difference", String(format: "%.1e", batch.largestDifference))
        }
        return table.rendered()
    }

    /// The demo promises something: it fails when the promise is not kept.
    private func judge(_ share: Double, _ report: ClassificationReport) throws {
        guard share >= 0.97 else { throw DemoError(description: "the accuracy is \(decimal(share * 100, places: 2)) %, below 97 %") }
        for batch in report.batches where !batch.sameDigits || !(batch.largestDifference <= 1e-4) {
            throw DemoError(description: "at batch size \(batch.size) the loaded program differs from eager by \(batch.largestDifference)")
        }
        guard report.rejections.count == Classify.badShapes.count, !report.rejections.contains("") else {
            throw DemoError(description: "the loaded program took an input outside of its ranges")
        }
    }
}

struct DemoError: Error, CustomStringConvertible {
    let description: String
}

func decimal(_ value: Double, places: Int) -> String {
    String(format: "%.\(places)f", value)
}
