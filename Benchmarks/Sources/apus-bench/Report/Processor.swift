import Foundation

/// The processor's name as Linux gives it; "unknown" elsewhere.
let processorName: String = processorField("model name") ?? "unknown"

/// True where PyTorch's matrix library leaves half of the machine unused, so that more is asked of ours.
let isAMDWithAVX512: Bool =
    processorField("vendor_id") == "AuthenticAMD"
    && processorField("flags")?.split(separator: " ").contains("avx512f") == true

/// A field of the first processor that Linux describes.
private func processorField(_ name: String) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
    return line.split(separator: ":", maxSplits: 1).last.map { $0.trimmingCharacters(in: .whitespaces) }
}
