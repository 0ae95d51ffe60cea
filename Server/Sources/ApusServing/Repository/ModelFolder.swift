import Foundation

/// A file of a model, as it was when the folder was looked at.
struct ModelFile: Sendable, Hashable {
    /// What tells that a file is another one than before.
    struct Stamp: Sendable, Hashable {
        let seconds: Int
        let nanoseconds: Int
        let size: Int64
        let number: UInt64
    }

    let name: String
    let version: String
    let path: String
    let format: ServedModel.Format
    let stamp: Stamp
    let configuration: String?
    let configurationStamp: Stamp?
    /// Why the file can't be the model's, found out by its place alone.
    var fault: String?
}

/// A folder of models: `<name>.pt2` or `<name>.onnx` with `<name>.json`, or `<name>/<version>/model.pt2` or `model.onnx` with `<name>/config.json`.
///
/// What a link leads to counts only where it lies in the folder too.
struct ModelFolder: Sendable {
    let path: String
    let root: String

    /// - Throws: `ServingError` for what is no folder.
    init(_ path: String) throws {
        guard let root = ModelFolder.resolved(path), ModelFolder.isFolder(root) else {
            throw ServingError(.notFound, "'\(path)' is no folder")
        }
        (self.path, self.root) = (path, root)
    }

    /// Every model's files, by name and version.
    func scan() -> [ModelFile] {
        var files: [ModelFile] = []
        for entry in entries(root) {
            let place = "\(root)/\(entry)"
            if let format = format(entry) {
                let name = String(entry.dropLast(format.rawValue.count + 1))
                if ModelFolder.isName(name), let file = file(name, "1", place, format, "\(root)/\(name).json") { files.append(file) }
            } else if ModelFolder.isName(entry), isInside(place), ModelFolder.isFolder(place) {
                for version in entries(place) where ModelFolder.isVersion(version) {
                    for format in [ServedModel.Format.pt2, .onnx] {
                        if let file = file(entry, version, "\(place)/\(version)/model.\(format.rawValue)", format, "\(place)/config.json") {
                            files.append(file)
                        }
                    }
                }
            }
        }
        return ModelFolder.judged(files)
    }

    /// Two files can't be one version of one model; none of them is.
    private static func judged(_ files: [ModelFile]) -> [ModelFile] {
        let groups: [[String]: [ModelFile]] = Dictionary(grouping: files) { [$0.name, $0.version] }
        return groups.values.map { group in
            guard group.count > 1, var first = group.first else { return group[0] }
            first.fault =
                "\(group.count) files are version \(first.version) of the model: \(group.map { $0.path.lastComponents }.sorted().joined(separator: ", "))"
            return first
        }.sorted { ($0.name, $0.version) < ($1.name, $1.version) }
    }

    private func file(_ name: String, _ version: String, _ path: String, _ format: ServedModel.Format, _ configuration: String)
        -> ModelFile?
    {
        guard let stamp = ModelFolder.stamp(path) else { return nil }
        let configurationStamp: ModelFile.Stamp? = ModelFolder.stamp(configuration)
        var file = ModelFile(
            name: name, version: version, path: path, format: format, stamp: stamp,
            configuration: configurationStamp == nil ? nil : configuration, configurationStamp: configurationStamp)
        if !isInside(path) || (file.configuration.map { !isInside($0) } ?? false) {
            file.fault = "a link leads out of the folder of models"
        }
        return file
    }

    private func format(_ entry: String) -> ServedModel.Format? {
        [ServedModel.Format.pt2, .onnx].first { entry.hasSuffix(".\($0.rawValue)") }
    }

    private func entries(_ path: String) -> [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    private func isInside(_ path: String) -> Bool { ModelFolder.resolved(path)?.hasPrefix(root + "/") ?? false }

    // MARK: The file system

    /// A name that needs no quoting anywhere: letters, digits, `_`, `-` and `.`, and no `.` in front.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 200 && name.first != "."
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): true
                default: false
                }
            }
    }

    /// A number from 1 on, written as numbers are.
    static func isVersion(_ version: String) -> Bool { Int(version).map { $0 >= 1 && String($0) == version } ?? false }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func resolved(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    /// Nil for what is no file.
    private static func stamp(_ path: String) -> ModelFile.Stamp? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return ModelFile.Stamp(
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, size: Int64(status.st_size), number: UInt64(status.st_ino))
    }
}

extension String {
    /// `name/1/model.pt2` of a longer path.
    fileprivate var lastComponents: String { split(separator: "/").suffix(3).joined(separator: "/") }
}
