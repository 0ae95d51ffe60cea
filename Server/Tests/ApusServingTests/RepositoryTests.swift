import Apus
import Foundation
import Synchronization
import Testing

@testable import ApusServing

@Suite struct RepositoryTests {
    private let folder: String = NSTemporaryDirectory() + "apus-models-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    /// `x * factor`, of any number of rows.
    private func save(_ factor: Float, to path: String) throws {
        let example: Tensor = try Tensor.randn([3, 2])
        let program: ExportedProgram = try export(
            { (x: Tensor) in try x * factor }, args: example, constraints: [dynamicDim(example, 0).in(1...100)])
        try FileManager.default.createDirectory(
            atPath: URL(fileURLWithPath: "\(folder)/\(path)").deletingLastPathComponent().path, withIntermediateDirectories: true)
        try program.save(to: "\(folder)/\(path)", pyTorch: .notNeeded)
    }

    private func repository() throws -> ModelRepository {
        try ModelRepository(folder: folder, defaults: ServingDefaults(), threads: .shared)
    }

    private func answer(_ repository: ModelRepository, _ name: String, version: String? = nil) async throws -> Float {
        let model: ServedModel = try repository.model(name, version: version)
        let input: String = try #require(model.signature.inputs.first?.name)
        let result: InferenceResult = try await model.infer(InferenceRequest(inputs: [(input, Tensor.ones([1, 2]))]))
        return try #require(result.outputs.first).tensor.sum().item(Float.self) / 2
    }

    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: "\(folder)/\(path)", atomically: true, encoding: .utf8)
    }

    @Test func modelsVersionsAndBadFiles() async throws {
        try save(2, to: "double.pt2")
        try save(3, to: "many/1/model.pt2")
        try save(4, to: "many/10/model.pt2")
        try save(5, to: "many/9/model.pt2")
        try save(6, to: "many/010/model.pt2")
        try save(7, to: "twice.pt2")
        try write("not a model", to: "twice.onnx")
        try write("not a model", to: "broken.pt2")
        try write("", to: "empty.onnx")
        try save(8, to: "odd name.pt2")
        try save(8, to: ".hidden.pt2")
        let repository: ModelRepository = try repository()
        try await repository.refresh(isFirst: true)
        #expect(try await answer(repository, "double") == 2)
        #expect(try await answer(repository, "many") == 4)
        #expect(try await answer(repository, "many", version: "9") == 5)
        #expect(try await answer(repository, "many", version: "1") == 3)
        #expect(repository.versions(of: "many") == ["1", "9", "10"])
        let states: [String: Bool] = Dictionary(
            repository.index.map { ("\($0.name)/\($0.version)", $0.isReady) }, uniquingKeysWith: { a, _ in a })
        #expect(
            states == [
                "double/1": true, "many/1": true, "many/9": true, "many/10": true, "twice/1": false, "broken/1": false, "empty/1": false,
            ])
        #expect(repository.index.filter { !$0.isReady }.allSatisfy { !$0.reason.isEmpty && !$0.reason.contains(folder) })
        for (name, version, code) in [
            ("broken", nil, ServingError.Code.unavailable), ("many", "2", .notFound), ("nothing", nil, .notFound),
            ("../double", nil, .notFound),
            ("", nil, .notFound), ("many", "../1", .notFound),
        ] {
            #expect(throws: ServingError.self) { try repository.model(name, version: version) }
            do { _ = try repository.model(name, version: version) } catch let error as ServingError { #expect(error.code == code) }
        }
    }

    @Test func linksThatLeadOutAreNotFollowed() async throws {
        let outside: String = NSTemporaryDirectory() + "apus-outside-\(UUID().uuidString)"
        try save(2, to: "inside.pt2")
        try FileManager.default.createDirectory(atPath: "\(outside)/1", withIntermediateDirectories: true)
        for place in ["outside.pt2", "1/model.pt2"] {
            try FileManager.default.copyItem(atPath: "\(folder)/inside.pt2", toPath: "\(outside)/\(place)")
        }
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/file.pt2", withDestinationPath: "\(outside)/outside.pt2")
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/model", withDestinationPath: outside)
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/alias.pt2", withDestinationPath: "inside.pt2")
        try write("{}", to: "inside.txt")
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/inside.json", withDestinationPath: "\(outside)/outside.pt2")
        let repository: ModelRepository = try repository()
        try await repository.refresh(isFirst: true)
        #expect(repository.models.map(\.name) == ["alias"])
        #expect(repository.index.first { $0.name == "file" }?.reason == "a link leads out of the folder of models")
        #expect(repository.index.first { $0.name == "inside" }?.reason == "a link leads out of the folder of models")
        #expect(repository.index.allSatisfy { $0.name != "model" })
    }

    @Test func changesAreFollowedOnceAFileStaysAsItIs() async throws {
        let events = Mutex<[String]>([])
        let repository = try ModelRepository(folder: folder, defaults: ServingDefaults(), threads: .shared) { event in
            events.withLock { events in
                switch event {
                case .loaded(let model, _): events.append("loaded \(model.name)")
                case .failed(let name, _, _): events.append("failed \(name)")
                case .unloaded(let name, _): events.append("unloaded \(name)")
                }
            }
        }
        try save(2, to: "m.pt2")
        try await repository.refresh(isFirst: true)
        #expect(try await answer(repository, "m") == 2)
        let old: ServedModel = try repository.model("m")
        try save(3, to: "m.pt2")
        try await repository.refresh()
        #expect(try await answer(repository, "m") == 2, "a file that has just changed may still be written")
        try await repository.refresh()
        #expect(try await answer(repository, "m") == 3)
        // Who began with the old one ends with it.
        #expect(
            try await old.infer(InferenceRequest(inputs: [(old.signature.inputs[0].name, Tensor.ones([1, 2]))])).outputs[0].tensor.sum()
                .item(Float.self) == 4)

        try write("damaged", to: "m.pt2")
        for _ in 0..<3 { try await repository.refresh() }
        #expect(try await answer(repository, "m") == 3, "a file that can't be loaded doesn't end what is there")
        #expect(repository.index.first?.isReady == true && repository.index.first?.reason.isEmpty == false)

        try save(5, to: "n.pt2")
        for _ in 0..<2 { try await repository.refresh() }
        #expect(try await answer(repository, "n") == 5)
        try FileManager.default.removeItem(atPath: "\(folder)/n.pt2")
        try await repository.refresh()
        #expect(throws: ServingError.self) { try repository.model("n") }
        #expect(events.withLock { $0 } == ["loaded m", "loaded m", "failed m", "loaded n", "unloaded n"])
    }

    @Test func modelsAreLoadedAndUnloadedOnRequest() async throws {
        try save(2, to: "m.pt2")
        let repository: ModelRepository = try repository()
        try await repository.refresh(isFirst: true)
        try await repository.unload("m")
        #expect(throws: ServingError(.unavailable, "the model 'm' is not ready: unloaded")) { try repository.model("m") }
        for _ in 0..<2 { try await repository.refresh() }
        #expect(throws: ServingError.self) { try repository.model("m") }
        try save(3, to: "m.pt2")
        try await repository.load("m")
        #expect(try await answer(repository, "m") == 3)
        try write("damaged", to: "m.pt2")
        await #expect(throws: ServingError.self) { try await repository.load("m") }
        #expect(try await answer(repository, "m") == 3)
        await #expect(throws: ServingError.self) { try await repository.load("../m") }
        await #expect(throws: ServingError.self) { try await repository.unload("n") }
    }

    @Test func configurationsCountAndFaultsInThemAreTold() async throws {
        try save(2, to: "m.pt2")
        try write(#"{"max_batch_size": 7, "max_batch_wait_ms": 1.5, "concurrency": 2, "queue": 3}"#, to: "m.json")
        let repository: ModelRepository = try repository()
        try await repository.refresh(isFirst: true)
        let model: ServedModel = try repository.model("m")
        #expect(model.limits == QueueLimits(concurrency: 2, waiting: 3, batchWait: .microseconds(1500)))
        #expect(try model.batching.get().largest == 7)
        for (text, part) in [
            (#"{"bathing": 1}"#, "the key 'bathing'"), (#"{"batching": "always"}"#, "batching"), (#"{"queue": 0}"#, "from 1 to"),
            ("[]", "can't be read"), ("{", "can't be read"), (#"{"max_batch_wait_ms": -1}"#, "from 0 to"),
            (#"{"entry_point": "other"}"#, "other"),
        ] {
            try write(text, to: "m.json")
            let error = await #expect(throws: ServingError.self) { try await repository.load("m") }
            #expect(error?.message.contains(part) == true, "\(text): \(error?.message ?? "")")
        }
    }

    @Test func onlyAFolderIsServed() {
        #expect(throws: ServingError.self) {
            try ModelRepository(folder: "\(folder)/nothing", defaults: ServingDefaults(), threads: .shared)
        }
    }
}
