extension CallSite {
    /// A line of source code, and the function that it is in.
    public struct Location: Sendable, Hashable, CustomStringConvertible {
        /// The path as the compiler saw it.
        public let path: String
        public let line: Int
        /// The function's demangled name where the runtime can give it, else the linker's name.
        public let function: String
        /// The module that the function was declared in; `nil` when its name does not tell.
        public let module: String?

        /// The path's last component.
        public var file: String { path.split(separator: "/").last.map(String.init) ?? path }

        /// `Model.swift:41`
        public var description: String { "\(file):\(line)" }

        /// Modules whose frames are never the user's.
        package static let ownModules: Set<String> = [
            "ApusSymbolic", "ApusTensor", "ApusNN", "ApusGraph", "ApusRuntime", "ApusProgram", "ApusExport", "ApusArchive", "ApusRun",
            "ApusC", "ApusView",
            "CApusKernels", "apus_cli",
            "Apus", "Swift",
        ]

        /// Whether the file is one of Apus's. A generic function of the standard library that was specialised for Apus lies in such a file
        /// under a name of the library.
        private var isOwnFile: Bool {
            let parts: [Substring] = path.split(separator: "/").suffix(6)
            return zip(parts, parts.dropFirst()).contains { $0 == "Sources" && Location.ownModules.contains(String($1)) }
        }

        /// Whether the frame belongs to Apus or to Swift's standard library.
        public var isOwn: Bool { module.map(Location.ownModules.contains) ?? false || isOwnFile }

        /// Whether the frame is Swift code of the program that uses Apus, in a file that the user has: what macros expand to is in none.
        public var isUserCode: Bool {
            module != nil && !isOwn && line > 0 && path.hasSuffix(".swift") && !file.hasPrefix("@__swiftmacro_")
        }
    }
}
