import ApusGraph
import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let spatial: [ONNXOperator] = [
        ONNXOperator("Resize", since: 10) { try ONNXResizing($0).result() },
        ONNXOperator("Upsample") { try ONNXResizing($0).result() },
        ONNXOperator("GridSample") { call in
            let (x, grid) = (try call.tensor(0), try call.tensor(1))
            let mode: String = try call.choice("mode", "bilinear", of: ["bilinear", "linear", "nearest", "bicubic", "cubic"])
            let padding: String = try call.choice("padding_mode", "zeros", of: ["zeros", "border", "reflection"])
            let name: String = ["linear": "bilinear", "cubic": "bicubic"][mode] ?? mode
            return try x.gridSample(grid, mode: name, padding: padding, alignsCorners: try call.flag("align_corners"))
        },
        ONNXOperator("AffineGrid") { call in
            try call.tensor(0).affineGrid(try call.sizes(1), alignsCorners: try call.flag("align_corners"))
        },
        ONNXOperator("Col2Im") { try columnsToImage($0) },
        ONNXOperator("RoiAlign") { try regionAlign($0) },
        ONNXOperator("NonMaxSuppression", isFolded: false) { try nonMaxSuppression($0) },
    ]

    /// Adds the elements of blocks up where they stand in an image of any rank.
    private static func columnsToImage(_ call: ONNXCall) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        let (image, block) = (try call.constants(1), try call.constants(2))
        let rank: Int = image.count
        let dilations: [Int] = try call.ints("dilations") ?? Array(repeating: 1, count: rank)
        let strides: [Int] = try call.ints("strides") ?? Array(repeating: 1, count: rank)
        let pads: [Int] = try call.ints("pads") ?? Array(repeating: 0, count: 2 * rank)
        guard block.count == rank, dilations.count == rank, strides.count == rank, pads.count == 2 * rank, x.rank == 3,
            strides.allSatisfy({ $0 > 0 }), (strides + dilations + pads).allSatisfy({ $0.magnitude < 1 << 24 }),
            (image + block).allSatisfy({ $0 > 0 && $0 < 1 << 24 })
        else { throw call.error(.invalidProgram, "has a block of \(block) for an image of \(image)") }
        let steps: [Int] = (0..<rank).map {
            (image[$0] + pads[$0] + pads[$0 + rank] - dilations[$0] * (block[$0] - 1) - 1) / strides[$0] + 1
        }
        guard steps.allSatisfy({ $0 > 0 }), let size = Tensor.Layout.elementCount(image),
            let area = Tensor.Layout.elementCount(block + steps), area <= 1 << 26
        else {
            throw call.error(.invalidProgram, "has a block of \(block) for an image of \(image)")
        }
        // Where each element of the blocks goes; one place behind the image takes those that lie outside.
        let targets: [Int] = places(block, steps, image, dilations, strides, pads, outside: size)
        let blockSize: Int = block.reduce(1, *)
        let columns: Tensor = try x.reshaped([x.shape[0], x.shape[1] / blockSize, SymInt(targets.count)])
        let empty: Tensor = try Tensor.zeros([x.shape[0], x.shape[1] / blockSize, SymInt(size + 1)], dtype: x.dtype)
        let sum: Tensor = try empty.indexAdd(dim: 2, Tensor(targets, shape: [targets.count]), columns)
        return try sum.narrowed(dim: 2, from: 0, length: size).reshaped([x.shape[0], x.shape[1] / blockSize] + image.map { SymInt($0) })
    }

    private static func places(
        _ block: [Int], _ steps: [Int], _ image: [Int], _ dilations: [Int], _ strides: [Int], _ pads: [Int], outside: Int
    ) -> [Int] {
        var result: [Int] = []
        let (blockCount, stepCount) = (block.reduce(1, *), steps.reduce(1, *))
        for element in 0..<blockCount {
            for step in 0..<stepCount {
                var (restOfElement, restOfStep, place, stride) = (element, step, 0, 1)
                for dim in image.indices.reversed() {
                    let position: Int = restOfStep % steps[dim] * strides[dim] - pads[dim] + restOfElement % block[dim] * dilations[dim]
                    (restOfElement, restOfStep) = (restOfElement / block[dim], restOfStep / steps[dim])
                    if position < 0 || position >= image[dim] { place = -1 }
                    if place >= 0 { place += position * stride }
                    stride *= image[dim]
                }
                result.append(place < 0 ? outside : place)
            }
        }
        return result
    }

    /// Regions of feature maps, each pooled out of samples between the positions.
    private static func regionAlign(_ call: ONNXCall) throws -> Tensor {
        let (x, regions, batch) = (try call.tensor(0), try call.tensor(1), try call.tensor(2).to(.int64))
        let (height, width) = (try call.int("output_height", 1), try call.int("output_width", 1))
        let samples: Int = try call.int("sampling_ratio", 0)
        guard samples > 0, samples <= 64, height > 0, width > 0, height <= 1 << 12, width <= 1 << 12 else {
            throw call.error("takes its number of samples from the sizes of regions (sampling_ratio 0), which is not read")
        }
        let isMax: Bool = try call.choice("mode", "avg", of: ["avg", "max"]) == "max"
        let mode: String = try call.choice("coordinate_transformation_mode", "half_pixel", of: ["half_pixel", "output_half_pixel"])
        let isHalf: Bool = call.version >= 16 && mode == "half_pixel"
        let corners: Tensor = try regions * (try call.float("spatial_scale", 1)) - (isHalf ? 0.5 : 0.0)
        func coordinates(_ low: Int, _ count: Int) throws -> Tensor {
            let (start, end) = (try corners.select(dim: 1, index: low), try corners.select(dim: 1, index: low + 2))
            var extent: Tensor = try end - start
            if !isHalf { extent = try extent.clamp(min: 1.0, max: nil) }
            let offsets: Tensor = try (Tensor.arange(count * samples).to(x.dtype) + 0.5) / Double(samples)
            return try start.unsqueezed(1) + (extent / Double(count)).unsqueezed(1) * offsets
        }
        let (ys, xs) = (try coordinates(1, height), try coordinates(0, width))
        // Between the neighbours of a position: their numbers and weights, none outside.
        func taps(_ position: Tensor, _ size: SymInt) throws -> (low: Tensor, high: Tensor, share: Tensor, isInside: Tensor) {
            let end: Tensor = try Tensor.scalar(size, dtype: x.dtype)
            let isInside: Tensor = try (position .>= -1.0).logicalAnd(position .<= end)
            let held: Tensor = try position.clamp(min: 0.0, max: nil).minimum(end - 1.0)
            let low: Tensor = try held.floor()
            let high: Tensor = try (low + 1.0).minimum(end - 1.0)
            return (try low.to(.int64), try high.to(.int64), try held - low, isInside)
        }
        let (vertical, horizontal) = (try taps(ys, x.shape[2]), try taps(xs, x.shape[3]))
        let channelsLast: Tensor = try x.permuted([0, 2, 3, 1])
        let rows: Tensor = try batch.reshaped([batch.count, SymInt(1), SymInt(1)])
        func values(_ y: Tensor, _ x: Tensor, _ yShare: Tensor, _ xShare: Tensor) throws -> Tensor {
            let weight: Tensor = try yShare.unsqueezed(2) * xShare.unsqueezed(1)
            return try channelsLast.index([rows, y.unsqueezed(2), x.unsqueezed(1)]) * weight.unsqueezed(3)
        }
        let lowY: Tensor = try 1 - vertical.share
        let lowX: Tensor = try 1 - horizontal.share
        let parts: [Tensor] = [
            try values(vertical.low, horizontal.low, lowY, lowX), try values(vertical.low, horizontal.high, lowY, horizontal.share),
            try values(vertical.high, horizontal.low, vertical.share, lowX),
            try values(vertical.high, horizontal.high, vertical.share, horizontal.share),
        ]
        let isInside: Tensor = try vertical.isInside.unsqueezed(2).logicalAnd(horizontal.isInside.unsqueezed(1)).unsqueezed(3)
        func pooled(_ value: Tensor) throws -> Tensor {
            let split: Tensor = try value.reshaped([
                regions.shape[0], SymInt(height), SymInt(samples), SymInt(width), SymInt(samples), x.shape[1],
            ])
            return isMax ? try split.amax(dims: [2, 4]) : try split.mean(dims: [2, 4])
        }
        // The maximum is one over the four weighted neighbours, as in the models that have it.
        let sampled: Tensor =
            isMax ? try parts.dropFirst().reduce(parts[0]) { try $0.maximum($1) } : try parts.dropFirst().reduce(parts[0]) { try $0 + $1 }
        return try pooled(Tensor.where(isInside, sampled, 0.0)).permuted([0, 3, 1, 2])
    }

    /// Boxes in the order of their scores, each kept that overlaps none that was kept too much.
    private static func nonMaxSuppression(_ call: ONNXCall) throws -> Tensor {
        let (boxes, scores) = (try call.tensor(0), try call.tensor(1))
        let limit: Tensor = try call.optional(2)?.to(.int64).reshaped([] as [Int]) ?? Tensor.scalar(0, dtype: .int64)
        let threshold: Tensor = try call.optional(3)?.reshaped([] as [Int]) ?? Tensor.scalar(0.0, dtype: .float32)
        let isCentred: Bool = try call.flag("center_point_box")
        func side(_ index: Int) throws -> Tensor { try boxes.select(dim: 2, index: index) }
        let corners: [Tensor]
        if isCentred {
            let (x, y, halfWidth, halfHeight) = (try side(0), try side(1), try side(2) / 2.0, try side(3) / 2.0)
            corners = [try y - halfHeight, try x - halfWidth, try y + halfHeight, try x + halfWidth]
        } else {
            corners = [
                try side(0).minimum(side(2)), try side(1).minimum(side(3)), try side(0).maximum(side(2)), try side(1).maximum(side(3)),
            ]
        }
        func overlap(_ low: Tensor, _ high: Tensor) throws -> Tensor {
            let start: Tensor = try low.unsqueezed(2).maximum(low.unsqueezed(1))
            let end: Tensor = try high.unsqueezed(2).minimum(high.unsqueezed(1))
            return try (end - start).clamp(min: 0.0, max: nil)
        }
        let shared: Tensor = try overlap(corners[0], corners[2]) * overlap(corners[1], corners[3])
        let area: Tensor = try (corners[2] - corners[0]) * (corners[3] - corners[1])
        let union: Tensor = try area.unsqueezed(2) + area.unsqueezed(1) - shared
        // [batch, box, box], by the boxes' own numbers.
        let isTooClose: Tensor = try Tensor.where(union .> 0, shared / union, 0.0) .> threshold
        let order: Tensor = try scores.argsort(dim: -1, descending: true)
        let ordered: Tensor = try scores.gather(dim: -1, order)
        let mayStay: Tensor = try call.optional(4).map { try ordered .> $0.reshaped([] as [Int]) } ?? ordered.onesLike().to(.bool)
        let count: SymInt = boxes.shape[1]
        let number: Tensor = try Tensor.arange(count)
        let none: Tensor = try mayStay.zerosLike()
        let batches: Tensor = try Tensor.arange(boxes.shape[0]).reshaped([boxes.shape[0], SymInt(1), SymInt(1)])
        let (kept, _) = try ONNXSteps(
            of: "NonMaxSuppression", over: [number, order.permuted([2, 0, 1]), mayStay.permuted([2, 0, 1])], from: [none]
        ) { carried, slices in
            let kept: Tensor = carried[0]
            // Whether each box that comes before is too close to this one.
            let close: Tensor = try isTooClose.index([batches, slices[1].unsqueezed(2), order])
            let isHidden: Tensor = try kept.logicalAnd(close).any(dim: 2)
            let isWithin: Tensor = try kept.to(.int64).sum(dim: 2) .< limit
            let stays: Tensor = try slices[2].logicalAnd(isHidden.logicalNot()).logicalAnd(isWithin).unsqueezed(2)
            return ([try Tensor.where(number .== slices[0], stays, kept)], [stays])
        }.run()
        let places: Tensor = try kept[0].nonzero()
        let columns: [Tensor] = try (0..<3).map { try places.select(dim: 1, index: $0) }
        return try Tensor.stack([columns[0], columns[1], order.index(columns)], dim: 1)
    }
}
