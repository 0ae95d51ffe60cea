import Apus
import ApusDistributed
import Foundation

/// Prints what an all-reduce costs by size: the best and the median time of many, of the slowest process, and bytes a second.
@main
struct Communication {
    static func main() {
        ProcessGroup.run { world in
            var sizes: [Int] = [1]
            while let last = sizes.last, last < 1 << 24 { sizes.append(last * 16) }
            if world.rank == 0 { print("processes,bytes,best_us,median_us,gigabytes_a_second,unchecked_best_us") }
            // The same processes without the comparison of calls.
            let bare = try ProcessGroup.initialize().subgroup(of: Array(0..<world.size), name: "unchecked", checksCalls: false)
            for size in sizes {
                let checked: [Double] = try times(world, size)
                guard let unchecked: [Double] = try bare.map({ try times($0, size) }), world.rank == 0 else { continue }
                let bytes: Int = size * 4
                let best: Double = checked[0]
                print(
                    String(
                        format: "%d,%d,%.1f,%.1f,%.3f,%.1f", world.size, bytes, best * 1e6, checked[checked.count / 2] * 1e6,
                        Double(bytes) / best * 1e-9, unchecked[0] * 1e6))
            }
        }
    }

    /// Sorted seconds, each that of the slowest process.
    private static func times(_ group: ProcessGroup, _ size: Int) throws -> [Double] {
        let x: Tensor = try .ones([size])
        let count: Int = size > 1 << 18 ? 10 : 200
        var own: [Double] = []
        for _ in 0..<count {
            try group.barrier()
            let start = ContinuousClock.now
            _ = try group.allReduce(x)
            let (seconds, attoseconds) = (ContinuousClock.now - start).components
            own.append(Double(seconds) + Double(attoseconds) * 1e-18)
        }
        return try group.allReduce(Tensor(own, shape: [count]), .max).array(of: Double.self).sorted()
    }
}
