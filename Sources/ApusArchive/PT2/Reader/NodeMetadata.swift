import ApusGraph

/// The parts of a node's free-form metadata that are kept.
enum NodeMetadata {
    /// The innermost line of the Python program, `model.py:41`.
    static func site(_ node: ProgramSchema.Node) -> NodeSite? { node.metadata["stack_trace"].flatMap(site(inTrace:)) }

    /// The innermost line of a trace of Python's.
    static func site(inTrace trace: String) -> NodeSite? {
        // Each frame is two lines, the first of which reads:   File "path/model.py", line 41, in forward
        let frames = trace.split(separator: "\n").filter { $0.contains("File \"") }
        guard let last = frames.last, let open = last.range(of: "File \""),
            let close = last.range(of: "\", line ", range: open.upperBound..<last.endIndex)
        else { return nil }
        let file = last[open.upperBound..<close.lowerBound].split(separator: "/").last ?? ""
        let line = last[close.upperBound...].prefix { $0.isNumber }
        guard !file.isEmpty, !line.isEmpty else { return nil }
        return .text("\(file):\(line)")
    }

    /// The modules that the node was traced in, outermost first.
    static func modulePath(_ node: ProgramSchema.Node) -> [ModuleFrame] {
        guard let stack = node.metadata["nn_module_stack"] else { return [] }
        return stack.split(separator: ";").compactMap { frame in
            // key,path,type
            let parts = frame.split(separator: ",", omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            return ModuleFrame(path: String(parts[1]), type: parts[2].split(separator: ".").last.map(String.init) ?? "")
        }
    }

    /// The metadata to write for a node.
    static func metadata(_ node: Node) -> JSONTable<String> {
        var table: JSONTable<String> = [:]
        if !node.modulePath.isEmpty {
            // Commas and semicolons separate fields and frames, but for those in brackets; three fields exactly, or the file can't be opened.
            func clean(_ text: String) -> String { String(text.map { ",;@()[]".contains($0) ? "_" : $0 }) }
            table["nn_module_stack"] = node.modulePath.map { frame in
                "L__self__\(frame.path.isEmpty ? "" : "_" + clean(frame.path)),\(clean(frame.path)),\(clean(frame.type.isEmpty ? "Module" : frame.type))"
            }.joined(separator: ";")
        }
        return table
    }
}

extension Substring {
    fileprivate func range(of text: String, range: Range<Index>? = nil) -> Range<Index>? {
        var start = range?.lowerBound ?? startIndex
        let end = range?.upperBound ?? endIndex
        while start < end {
            if self[start..<end].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
