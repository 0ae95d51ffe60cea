import Apus

/// Single operations. Sizes are the peer's.
enum Operations {
    static var all: [Benchmark] {
        [smallAdd] + elementwise + products + rows
    }

    private static var smallAdd: Benchmark {
        Benchmark(name: "add_4", title: "add of two [4]", target: 4) { _ in
            let (a, b) = (try Tensor.randn([4], seed: 0), try Tensor.randn([4], seed: 1))
            return { _ = try a + b }
        }
    }

    private static var elementwise: [Benchmark] {
        let work: [(name: String, target: (million: Double?, sixteen: Double?), run: @Sendable (Tensor, Tensor) throws -> Tensor)] = [
            ("add", (nil, 3), { try $0 + $1 }),
            ("exp", (2, nil), { a, _ in try a.exp() }),
            ("tanh", (2, nil), { a, _ in try a.tanh() }),
            ("sum", (nil, nil), { a, _ in try a.sum() }),
        ]
        let sizes: [(label: String, title: String, count: Int)] = [("1m", "1M", 1 << 20), ("16m", "16M", 1 << 24)]
        return sizes.flatMap { size in
            work.map { work in
                Benchmark(
                    name: "\(work.name)_\(size.label)", title: "\(work.name), \(size.title) floats",
                    target: size.label == "1m" ? work.target.million : work.target.sixteen
                ) { _ in
                    let (a, b) = (try Tensor.randn([size.count], seed: 0), try Tensor.randn([size.count], seed: 1))
                    return { _ = try work.run(a, b) }
                }
            }
        }
    }

    private static var products: [Benchmark] {
        let againstPyTorch: [Benchmark] = [64, 256, 1024, 2048].map { size in
            Benchmark(
                name: "sgemm_\(size)", title: "sgemm \(size)", target: size >= 1024 && isAMDWithAVX512 ? 1.9 : nil,
                prepare: { _ in try product(of: size) })
        }
        // What our thread pool and our dispatch cost, or gain: the peer calls the same OpenBLAS directly.
        let againstOpenBLAS: [Benchmark] = [1024, 2048].map { size in
            Benchmark(
                name: "openblas_\(size)", title: "sgemm \(size), peer: raw OpenBLAS", target: 0.97, prepare: { _ in try product(of: size) })
        }
        return againstPyTorch + againstOpenBLAS
    }

    private static func product(of size: Int) throws -> () throws -> Void {
        let (a, b) = (try Tensor.randn([size, size], seed: 0), try Tensor.randn([size, size], seed: 1))
        return { _ = try a.matmul(b) }
    }

    private static var rows: [Benchmark] {
        [
            Benchmark(name: "softmax", title: "softmax [4096, 1024]") { _ in
                let x = try Tensor.randn([4096, 1024], seed: 0)
                return { _ = try x.softmax(dim: -1) }
            },
            Benchmark(name: "layer_norm", title: "layer norm [4096, 1024]") { _ in
                let (x, norm) = (try Tensor.randn([4096, 1024], seed: 0), try LayerNorm([1024]))
                return { _ = try norm(x) }
            },
        ]
    }
}
