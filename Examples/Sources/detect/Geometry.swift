import Foundation

struct Point: Hashable {
    var x: Double
    var y: Double

    static func - (a: Point, b: Point) -> Point { Point(x: a.x - b.x, y: a.y - b.y) }
    static func + (a: Point, b: Point) -> Point { Point(x: a.x + b.x, y: a.y + b.y) }
    static func * (a: Point, b: Double) -> Point { Point(x: a.x * b, y: a.y * b) }
    var length: Double { (x * x + y * y).squareRoot() }

    func dot(_ other: Point) -> Double { x * other.x + y * other.y }
    func cross(_ other: Point) -> Double { x * other.y - y * other.x }
}

/// A rectangle that may be turned.
struct Box {
    var center: Point
    /// The direction of the width, of length one.
    var direction: Point
    var width: Double
    var height: Double

    var corners: [Point] {
        let along = direction * (width / 2)
        let across = Point(x: -direction.y, y: direction.x) * (height / 2)
        return [center - along - across, center + along - across, center + along + across, center - along + across]
    }

    /// Moves each side out by a distance.
    func grown(by distance: Double) -> Box {
        Box(center: center, direction: direction, width: width + 2 * distance, height: height + 2 * distance)
    }

    /// The smallest rectangle around points: one of its sides lies on a side of their convex hull. Nil for no points.
    init?(around points: [Point]) {
        let hull: [Point] = convexHull(points)
        guard let first = hull.first else { return nil }
        var best: Box?
        for (index, corner) in hull.enumerated() {
            let side: Point = hull[(index + 1) % hull.count] - corner
            let direction: Point = side.length > 0 ? side * (1 / side.length) : Point(x: 1, y: 0)
            let normal = Point(x: -direction.y, y: direction.x)
            let (along, across) = (hull.map { ($0 - first).dot(direction) }, hull.map { ($0 - first).dot(normal) })
            guard let left = along.min(), let right = along.max(), let low = across.min(), let high = across.max() else { continue }
            let center: Point = first + direction * ((left + right) / 2) + normal * ((low + high) / 2)
            let box = Box(center: center, direction: direction, width: right - left, height: high - low)
            if best.map({ box.width * box.height < $0.width * $0.height }) ?? true { best = box }
        }
        guard let best else { return nil }
        self = best
    }

    init(center: Point, direction: Point, width: Double, height: Double) {
        (self.center, self.direction, self.width, self.height) = (center, direction, width, height)
    }
}

/// The corners of the smallest convex shape around points, in order (Andrew's monotone chain).
func convexHull(_ points: [Point]) -> [Point] {
    let sorted: [Point] = Set(points).sorted { ($0.x, $0.y) < ($1.x, $1.y) }
    guard sorted.count > 2 else { return sorted }
    func chain(_ points: some Sequence<Point>) -> [Point] {
        var chain: [Point] = []
        for point in points {
            while chain.count >= 2, (chain[chain.count - 1] - chain[chain.count - 2]).cross(point - chain[chain.count - 1]) <= 0 {
                chain.removeLast()
            }
            chain.append(point)
        }
        return Array(chain.dropLast())
    }
    return chain(sorted) + chain(sorted.reversed())
}
