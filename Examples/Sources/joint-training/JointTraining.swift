import Apus
import Console
import Foundation

/// Trains the same network twice: eagerly, and from a file that holds the forward and the backward part and nothing of this source.
///
/// The file has two entry points that share weights and running statistics: `train` gives the loss and its gradients, `eval` the scores.
@main
struct JointTraining {
    static let steps = 200

    static func main() throws {
        let folder = URL(fileURLWithPath: CommandLine.arguments.dropFirst().first ?? ".", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("spirals.pt2").path

        Tensor.seed(1)
        let model = try Spiral()
        let (points, arms) = try spirals(count: 96, seed: 7)

        // One artifact, two entry points. The batch is dynamic in both.
        let programs = try export(
            [
                "train": .joint(
                    { (x: Tensor, y: Tensor) in try crossEntropy(model(x), y) }, args: points, arms,
                    constraints: [dynamicDim(points, 0).in(2...4096), dynamicDim(points, 0) == dynamicDim(arms, 0)], isTraining: true),
                "eval": EntryPoint({ (x: Tensor) in try model(x) }, args: points, constraints: [dynamicDim(points, 0)], isTraining: false),
            ], of: model)
        try programs.save(to: file)

        let eager = try trainEagerly(model)
        let exported = try trainFromFile(file)

        var table = Table(("step", .right), ("eager loss", .right), ("loss of the file", .right), ("difference", .right))
        for step in stride(from: 0, through: steps - 1, by: 20) + [steps - 1] {
            let (a, b) = (eager.losses[step], exported.losses[step])
            table.add("\(step)", text(a), text(b), String(format: "%.1e", abs(a - b)))
        }
        print(table.rendered())
        print("Held-out accuracy: eager \(percent(eager.accuracy)), from the file \(percent(exported.accuracy)).")
        let largest = zip(eager.losses, exported.losses).map { abs($0 - $1) }.max() ?? .infinity
        guard largest < 0.02 else {
            FileHandle.standardError.write(Data("the losses differ by \(largest)\n".utf8))
            exit(1)
        }
        print("The largest difference of the two loss curves is \(String(format: "%.1e", largest)). \(file) holds both entry points.")
    }

    /// What a training gave.
    struct Curve {
        var losses: [Double] = []
        var accuracy = 0.0
    }

    static func trainEagerly(_ model: Spiral) throws -> Curve {
        var curve = Curve()
        let optimizer = try AdamW(model, learningRate: 1e-2)
        try model.train()
        for step in 0..<steps {
            let (x, y) = try batch(step)
            let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(x), y) }
            try optimizer.step(gradients)
            curve.losses.append(Double(try loss.item(Float.self)))
        }
        try model.eval()
        let (x, y) = try spirals(count: 500, seed: 1000)
        curve.accuracy = try accuracy(model(x), y)
        return curve
    }

    /// Only the file is used: no module, no function of this source.
    static func trainFromFile(_ file: String) throws -> Curve {
        var curve = Curve()
        let programs = try ExportedPrograms.load(from: file)
        let trainer = try ProgramTrainer(try programs.program(named: "train")) { try AdamW($0, learningRate: 1e-2) }
        for step in 0..<steps {
            let (x, y) = try batch(step)
            curve.losses.append(Double(try trainer.step(x, y).loss.item(Float.self)))
        }
        let (x, y) = try spirals(count: 500, seed: 1000)
        let scores: Tensor = try programs.program(named: "eval")(x)
        curve.accuracy = try accuracy(scores, y)
        return curve
    }

    /// Batches of different sizes: one graph takes them all.
    static func batch(_ step: Int) throws -> (x: Tensor, y: Tensor) {
        try spirals(count: 64 + step % 3 * 16, seed: UInt64(step))
    }

    static func text(_ value: Double) -> String { String(format: "%.5f", value) }
    static func percent(_ value: Double) -> String { String(format: "%.1f%%", value * 100) }
}

/// Two hidden layers with batch normalisation, which trains on the batch's statistics and evaluates with running ones.
final class Spiral: Module {
    let first: Linear
    let norm: BatchNorm1d
    let second: Linear
    let output: Linear

    init() throws {
        first = try Linear(2, 32)
        norm = try BatchNorm1d(32)
        second = try Linear(32, 32)
        output = try Linear(32, 2)
    }

    func forward(_ x: Tensor) throws -> Tensor {
        try output(second(norm(first(x)).relu()).relu())
    }
}

/// Points on two spiral arms, with the arm that each lies on.
func spirals(count: Int, seed: UInt64) throws -> (x: Tensor, y: Tensor) {
    let along = try Tensor.rand([SymInt(count)], seed: seed)
    let arms = try Tensor((0..<count).map { $0 % 2 }, shape: [count])
    let angle = try along * 7 + arms.to(.float32) * Float.pi
    let noise = try Tensor.randn([SymInt(count), 2], seed: seed &+ 1_000_000) * 0.03
    let points = try Tensor.stack([angle.cos() * along, angle.sin() * along], dim: 1)
    return (try points * 2 + noise, arms)
}

/// The share of points whose arm has the higher score.
func accuracy(_ scores: Tensor, _ arms: Tensor) throws -> Double {
    let right = try scores.argmax(dim: 1).array(of: Int.self)
    let actual = try arms.array(of: Int.self)
    return Double(zip(right, actual).count { $0 == $1 }) / Double(max(actual.count, 1))
}
