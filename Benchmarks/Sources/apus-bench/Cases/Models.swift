import Foundation

/// The models that `models.py` writes, run by Apus and by every other runtime, each in a process of its own.
struct Models {
    struct Model: Decodable {
        let name: String
        let title: String
    }

    let python: String
    let scripts: String
    let folder: String

    /// How many times faster than the best of the others Apus has to be.
    private static let target = 1.25
    /// What a reader sees, and the name that `peer.py` knows.
    static let runtimes = [
        (name: "ONNX Runtime", script: "onnxruntime"), (name: "OpenVINO", script: "openvino"), (name: "PyTorch", script: "pytorch"),
    ]

    /// All models that there are.
    func all() throws -> [Model] {
        try JSONDecoder().decode([Model].self, from: script(["--list"]))
    }

    /// Writes those that are not there, or older than what writes them.
    func write(_ models: [Model]) throws {
        _ = try script(["--missing", folder] + models.map(\.name))
    }

    /// Measures a model under all runtimes in turns. The versions are filled in as the runtimes say them.
    func compare(
        _ model: Model, threads: Int, rounds: Int, slice: Double, versions: inout [String: String]
    ) -> Comparison {
        var comparison = Comparison(name: model.name, title: model.title, kind: .model, threads: threads, target: Self.target)
        var remarks: [String] = []
        do {
            var peers = try start(threads: threads)
            defer { for peer in peers.values { peer.close() } }
            let order = [Side.apus] + Self.runtimes.map(\.name)
            for name in order {
                guard let peer = peers[name] else { continue }
                versions[name] = try peer.greeting()
                if let reason = try peer.prepare(model.name) {
                    remarks.append("\(name): \(reason)")
                    peer.close()
                    peers[name] = nil
                }
            }
            let sides: [Side] = order.compactMap { name in
                peers[name].map { peer in Side(name: name) { try peer.measure(model.name, seconds: $0) } }
            }
            try comparison.measure(sides, rounds: rounds, slice: slice)
            for (name, peer) in peers { comparison.set(try peer.memory(), of: name) }
            for name in order {
                guard let reason = try peers[name]?.check() else { continue }
                remarks.append("\(name): \(reason)")
                comparison.discard(name)
            }
        } catch {
            remarks.append("\(error)")
        }
        comparison.remark = remarks.isEmpty ? nil : remarks.joined(separator: "; ")
        return comparison
    }

    private func start(threads: Int) throws -> [String: Peer] {
        let count = String(threads)
        let own = Bundle.main.executablePath ?? CommandLine.arguments[0]
        var peers = [Side.apus: try Peer([own, "serve", "--models", folder, "--threads", count])]
        for (name, runtime) in Self.runtimes {
            peers[name] = try Peer([python, "\(scripts)/peer.py", "--runtime", runtime, "--models", folder, "--threads", count])
        }
        return peers
    }

    /// What the script that writes models prints.
    private func script(_ arguments: [String]) throws -> Data {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = ["\(scripts)/models.py"] + arguments
        process.standardOutput = output
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw PeerError(description: "models.py could not write all models; its messages are above")
        }
        return printed
    }
}

extension Comparison {
    fileprivate mutating func set(_ memory: Memory?, of side: String) {
        if side == Side.apus { apus.memory = memory }
        for index in others.indices where others[index].name == side { others[index].timing.memory = memory }
    }

    /// Forgets the times of a side whose answers are wrong.
    fileprivate mutating func discard(_ side: String) {
        if side == Side.apus { apus = Timing() }
        others.removeAll { $0.name == side }
    }
}
