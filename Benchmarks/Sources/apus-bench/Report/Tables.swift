import Console
import Foundation

extension Report {
    /// One table for the single pieces of work and one for each number of threads that models ran on.
    func tables() -> String {
        let models = comparisons.filter { $0.kind == .model }
        let rest = comparisons.filter { $0.kind != .model }
        var parts: [String] = rest.isEmpty ? [] : [table(of: rest)]
        for threads in Set(models.map(\.threads)).sorted() {
            let rows = models.filter { $0.threads == threads }
            parts.append(
                "Models on \(counted(threads, "thread")), milliseconds a call, the best turn: time / processor's time\n\n"
                    + modelTable(of: rows))
            parts.append("Memory at most, MB: the process / of it the model\n\n" + memoryTable(of: rows))
        }
        let disturbed = comparisons.filter { $0.unrest != nil }
        if !disturbed.isEmpty {
            parts.append(
                "\(disturbed.count) of \(comparisons.count) comparisons were disturbed and give no ratio. Their processor's times say more than the times that passed."
            )
        }
        return parts.joined(separator: "\n\n")
    }

    private func table(of rows: [Comparison]) -> String {
        var table = Table(
            ("work", .left), ("Apus", .right), ("best", .right), ("CPU", .right), ("other", .right), ("best", .right), ("CPU", .right),
            ("ratio", .right), ("target", .right), ("", .left))
        for row in rows {
            let other = row.others.first?.timing
            table.add(
                row.title, time(row.apus.median), time(row.apus.minimum), time(row.apus.processorMedian), time(other?.median),
                time(other?.minimum), time(other?.processorMedian), ratio(of: row),
                row.target.map { String(format: "%.3gx", $0) } ?? row.limit.map { time($0) } ?? "", verdict(of: row))
        }
        return table.rendered()
    }

    private func modelTable(of rows: [Comparison]) -> String {
        var table = Table(
            ("model", .left), (Side.apus, .right), ("ONNX Runtime", .right), ("OpenVINO", .right), ("PyTorch", .right), ("ratio", .right),
            ("", .left))
        for row in rows {
            let cells = row.cells { "\(milliseconds($0.minimum)) / \(milliseconds($0.processorMinimum))" }
            table.add([row.title] + cells + [ratio(of: row), verdict(of: row)])
        }
        return table.rendered()
    }

    private func memoryTable(of rows: [Comparison]) -> String {
        var table = Table(("model", .left), (Side.apus, .right), ("ONNX Runtime", .right), ("OpenVINO", .right), ("PyTorch", .right))
        for row in rows {
            let cells = row.cells { timing in
                guard let memory = timing.memory else { return "-" }
                let model = memory.baseBytes.map { "\((memory.peakBytes - $0) / 1_000_000)" } ?? "-"
                return "\(memory.peakBytes / 1_000_000) / \(model)"
            }
            table.add([row.title] + cells)
        }
        return table.rendered()
    }

    private func ratio(of row: Comparison) -> String {
        row.ratio.map { String(format: "%.2fx", $0) } ?? "-"
    }

    private func verdict(of row: Comparison) -> String {
        if let remark = row.remark { return remark.count > 80 ? String(remark.prefix(80)) + "…" : remark }
        if let reached = row.isReached { return reached ? "reached" : "missed" }
        return row.unrest ?? ""
    }

    private func milliseconds(_ nanoseconds: Double) -> String {
        String(format: nanoseconds < 1e6 ? "%.3f" : nanoseconds < 1e8 ? "%.2f" : "%.0f", nanoseconds / 1e6)
    }

    /// A time with three digits and its unit.
    private func time(_ nanoseconds: Double?) -> String {
        guard let nanoseconds, nanoseconds.isFinite else { return "-" }
        let (value, unit): (Double, String) =
            switch nanoseconds {
            case ..<1e3: (nanoseconds, "ns")
            case ..<1e6: (nanoseconds / 1e3, "us")
            case ..<1e9: (nanoseconds / 1e6, "ms")
            default: (nanoseconds / 1e9, "s ")
            }
        let decimals = value < 10 ? 2 : value < 100 ? 1 : 0
        return String(format: "%.\(decimals)f ", value) + unit
    }
}

extension Comparison {
    /// A cell for Apus and for each runtime, in the tables' order; a dash where a side has no times.
    fileprivate func cells(_ cell: (Timing) -> String) -> [String] {
        let runtimes = Models.runtimes.map { runtime in others.first { $0.name == runtime.name }?.timing }
        return ([apus] + runtimes).map { timing in timing.flatMap { $0.slices.isEmpty ? nil : cell($0) } ?? "-" }
    }
}
