import Foundation
import Synchronization

/// What the gallery's tests found, as a table: written to the file that `APUS_GALLERY_TABLE` names, after each program.
final class GalleryTable: Sendable {
    struct Row: Sendable {
        let program: String
        let paths: Int
        let nodes: Int
        /// How many inputs the declared domain has.
        let domain: Int
        let accepted: Int
        let rejected: Int
    }

    static let shared = GalleryTable()
    private let rows = Mutex<[Row]>([])

    func add(_ row: Row) {
        guard let path = ProcessInfo.processInfo.environment["APUS_GALLERY_TABLE"] else { return }
        rows.withLock { rows in
            rows.append(row)
            let lines: [String] = rows.sorted { $0.program < $1.program }.map { row in
                "| \(row.program) | \(row.paths) | \(row.nodes) | \(row.domain) | \(row.accepted) | \(row.rejected) |"
            }
            let head = "| program | paths | nodes | domain | swept, equal | swept, rejected by both |\n|---|---|---|---|---|---|\n"
            try? (head + lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        }
    }
}
