import Foundation

@testable import ApusArchive

/// Programs that PyTorch saved, made once per run of the tests.
enum TorchArchives {
    struct Program: Sendable {
        let name: String
        let hasCore: Bool
        let calls: [Call]
    }

    /// One call: which of the flattened inputs and outputs are plain values (`nil` where a tensor stands).
    struct Call: Sendable {
        let inputs: [JSON?]
        let outputs: [JSON?]
    }

    private static let made = Result { () throws -> (TemporaryFolder, [Program]) in
        let folder = try TemporaryFolder()
        try Python.runFile("Tests/Judges/make_archives.py", [folder.path])
        let index = try JSONParser.parse(String(decoding: try folder.read("index.json"), as: UTF8.self))
        guard case .object(let table) = index else { throw Python.Failure(description: "index.json is not an object") }
        return (folder, try table.members.map { try program($0.key, $0.value) })
    }

    static var folder: TemporaryFolder { get throws { try made.get().0 } }
    static var programs: [Program] { get throws { try made.get().1 } }

    private static func program(_ name: String, _ json: JSON) throws -> Program {
        let fields = try JSONFields(json, of: "program")
        let calls: [RawJSON] = try fields.required("calls")
        return Program(
            name: name, hasCore: try fields.required("core"),
            calls: try calls.map { call in
                let fields = try JSONFields(call.json, of: "call")
                let inputs: [RawJSON] = try fields.required("in")
                let outputs: [RawJSON] = try fields.required("out")
                return Call(inputs: inputs.map { value($0.json) }, outputs: outputs.map { value($0.json) })
            })
    }

    private static func value(_ json: JSON) -> JSON? {
        guard case .object(let object) = json else { return nil }
        return object["value"]
    }

    /// Paths of every archive, plain and decomposed.
    static var paths: [String] {
        get throws {
            let folder = try folder
            return try programs.flatMap { [folder.file($0.name + ".pt2")] + ($0.hasCore ? [folder.file($0.name + ".core.pt2")] : []) }
        }
    }
}
