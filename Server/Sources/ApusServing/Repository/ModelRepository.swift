import ApusRun
import Foundation
import Synchronization

/// The models of a folder: loads what is there, follows what changes, and knows of each whether it is ready, and if not, why.
///
/// A file that can't be loaded makes its own model unready and nothing else. One that replaces a model takes its place once it is loaded; until then, and where it
/// can't be, the old one goes on. Requests under way keep the model that they began with.
public final class ModelRepository: Sendable {
    /// What became of a version of a model, for whoever writes it down.
    public enum Event: Sendable {
        case loaded(ServedModel, Duration)
        case failed(name: String, version: String, reason: String)
        case unloaded(name: String, version: String)
    }

    /// A version of a model in the list of all.
    public struct IndexEntry: Sendable, Hashable {
        public let name: String
        public let version: String
        public let isReady: Bool
        public let reason: String
    }

    private struct Slot {
        var file: ModelFile
        var model: ServedModel?
        var reason = ""
        /// What was seen of a changed file: it is loaded once it looks the same twice, so that one that is being written is left alone.
        var seen: ModelFile?
        var isUnloaded = false
    }

    public let folder: String
    private let files: ModelFolder
    private let defaults: ServingDefaults
    private let threads: CallThreads
    /// One thread: one thing happens to the folder's models at a time.
    private let loader = CallThreads(count: 1)
    private let handler: @Sendable (Event) -> Void
    private let slots = Mutex<[String: [String: Slot]]>([:])
    private let isStopping = Atomic(false)

    /// - Parameters:
    ///   - folder: where the models lie; see `README.md`
    ///   - threads: what models run on
    ///   - handler: is told what happens to models
    /// - Throws: `ServingError` for what is no folder.
    public init(folder: String, defaults: ServingDefaults, threads: CallThreads, handler: @escaping @Sendable (Event) -> Void = { _ in })
        throws
    {
        files = try ModelFolder(folder)
        (self.folder, self.defaults, self.threads, self.handler) = (folder, defaults, threads, handler)
    }

    // MARK: Asking

    /// The version of a model that is asked for, or the newest that is ready.
    /// - Throws: `ServingError`
    public func model(_ name: String, version: String? = nil) throws -> ServedModel {
        try slots.withLock { slots in
            guard let versions = slots[name] else { throw ServingError(.notFound, "there is no model '\(name)'") }
            if let version {
                guard let slot = versions[version] else { throw ServingError(.notFound, "the model '\(name)' has no version '\(version)'") }
                guard let model = slot.model else { throw unready(name, slot) }
                return model
            }
            if let model = versions.values.compactMap(\.model).max(by: { Int($0.version) ?? 0 < Int($1.version) ?? 0 }) { return model }
            throw versions.values.max { Int($0.file.version) ?? 0 < Int($1.file.version) ?? 0 }.map { unready(name, $0) }
                ?? ServingError(.notFound, "there is no model '\(name)'")
        }
    }

    private func unready(_ name: String, _ slot: Slot) -> ServingError {
        ServingError(.unavailable, "the model '\(name)' is not ready: \(slot.reason)")
    }

    /// All that the folder holds, by name and version.
    public var index: [IndexEntry] {
        slots.withLock { slots in
            slots.values.flatMap { versions in
                versions.values.map { slot in
                    IndexEntry(name: slot.file.name, version: slot.file.version, isReady: slot.model != nil, reason: slot.reason)
                }
            }
        }.sorted { ($0.name, Int($0.version) ?? 0) < ($1.name, Int($1.version) ?? 0) }
    }

    /// The models that are ready, by name and version.
    public var models: [ServedModel] {
        slots.withLock { slots in slots.values.flatMap { $0.values.compactMap(\.model) } }
            .sorted { ($0.name, Int($0.version) ?? 0) < ($1.name, Int($1.version) ?? 0) }
    }

    /// The version of a model that is asked for, or all that are ready.
    /// - Throws: `ServingError`
    public func models(of name: String, version: String? = nil) throws -> [ServedModel] {
        let one: ServedModel = try model(name, version: version)
        return version == nil ? models.filter { $0.name == name } : [one]
    }

    /// The versions of a model that are ready.
    public func versions(of name: String) -> [String] { models.filter { $0.name == name }.map(\.version) }

    /// Whether the server answers for all that it was given: not while it stops, nor before the folder was looked at.
    public var isReady: Bool { !isStopping.load(ordering: .relaxed) }

    /// From now on the server says that it is not ready, so that no new requests are sent to it.
    public func stop() { isStopping.store(true, ordering: .relaxed) }

    // MARK: Following

    /// Looks at the folder, and loads and drops what has come, changed and gone.
    /// - Parameter isFirst: loads what it finds at once, where later a file has to look the same twice.
    public func refresh(isFirst: Bool = false) async throws {
        try await loader.run { [self] in
            let found: [ModelFile] = files.scan()
            let known: [[String]: ModelFile] = Dictionary(
                found.map { ([$0.name, $0.version], $0) }, uniquingKeysWith: { first, _ in first })
            for slot in slots.withLock({ $0.values.flatMap(\.values) }) where known[[slot.file.name, slot.file.version]] == nil {
                remove(slot.file)
            }
            for file in found where mustLoad(file, isFirst) { load(file) }
            for model in models { model.forgetIdleSequences() }
        }
    }

    private func mustLoad(_ file: ModelFile, _ isFirst: Bool) -> Bool {
        slots.withLock { slots in
            guard let slot = slots[file.name]?[file.version] else {
                if isFirst { return true }
                slots[file.name, default: [:]][file.version] = Slot(file: file, reason: "has just come", seen: file)
                return false
            }
            if slot.isUnloaded { return false }
            if slot.seen == nil, slot.file == file { return false }
            guard slot.seen == file else {
                slots[file.name]?[file.version]?.seen = file
                return false
            }
            return true
        }
    }

    /// Loads all versions of a model, also where they are loaded already.
    /// - Throws: `ServingError` where there is none, or the newest can't be loaded.
    public func load(_ name: String) async throws {
        try await loader.run { [self] in
            let found: [ModelFile] = files.scan().filter { $0.name == name }
            guard !found.isEmpty else { throw ServingError(.notFound, "there is no model '\(name)'") }
            for file in found { load(file) }
            let newest: ModelFile? = found.max { Int($0.version) ?? 0 < Int($1.version) ?? 0 }
            let reason: String? = slots.withLock { slots in
                newest.flatMap { slots[$0.name]?[$0.version] }.flatMap { $0.reason.isEmpty ? nil : $0.reason }
            }
            if let reason { throw ServingError(.invalidRequest, "the model '\(name)' can't be loaded: \(reason)") }
        }
    }

    /// Takes a model out of service, until it is loaded again.
    /// - Throws: `ServingError` where there is none.
    public func unload(_ name: String) async throws {
        try await loader.run { [self] in
            let versions: [String] = try slots.withLock { slots in
                guard let versions = slots[name]?.keys else { throw ServingError(.notFound, "there is no model '\(name)'") }
                for version in versions {
                    slots[name]?[version]?.model = nil
                    slots[name]?[version]?.reason = "unloaded"
                    slots[name]?[version]?.isUnloaded = true
                }
                return versions.sorted()
            }
            for version in versions { handler(.unloaded(name: name, version: version)) }
        }
    }

    private func remove(_ file: ModelFile) {
        slots.withLock { slots in
            slots[file.name]?[file.version] = nil
            if slots[file.name]?.isEmpty == true { slots[file.name] = nil }
        }
        handler(.unloaded(name: file.name, version: file.version))
    }

    private func load(_ file: ModelFile) {
        let start = ContinuousClock.now
        do {
            if let fault = file.fault { throw ServingError(.unavailable, fault) }
            let model = try open(file)
            slots.withLock { $0[file.name, default: [:]][file.version] = Slot(file: file, model: model) }
            handler(.loaded(model, ContinuousClock.now - start))
        } catch {
            let reason: String = (error as? ServingError)?.message ?? "\(error)".replacing(files.root + "/", with: "")
            slots.withLock { slots in
                // What was there goes on.
                let old: ServedModel? = slots[file.name]?[file.version]?.model
                slots[file.name, default: [:]][file.version] = Slot(file: file, model: old, reason: reason)
            }
            handler(.failed(name: file.name, version: file.version, reason: reason))
        }
    }

    private func open(_ file: ModelFile) throws -> ServedModel {
        let configuration: ModelConfiguration =
            try file.configuration.map { path in
                guard let data = FileManager.default.contents(atPath: path) else {
                    throw ServingError(.unavailable, "the configuration can't be read")
                }
                return try ModelConfiguration(json: data)
            } ?? ModelConfiguration()
        // Read, not mapped: whoever writes over a file of a running server must not end it.
        let options = ProgramOptions(threads: defaults.threads, checksums: .onLoad, mapsFile: false)
        let programs = try ExportedPrograms.load(from: file.path, options: options)
        let program: ExportedProgram
        if let name = configuration.entryPoint {
            program = try programs.program(named: name)
        } else if let only = programs["model"] ?? (programs.entries.count == 1 ? programs.entries.first?.program : nil) {
            program = only
        } else {
            throw ServingError(
                .unavailable,
                "the file has several programs; the configuration says which by entry_point: \(programs.names.joined(separator: ", "))")
        }
        return try ServedModel(
            name: file.name, version: file.version, format: file.format, program: program, configuration: configuration, defaults: defaults,
            threads: threads)
    }
}
