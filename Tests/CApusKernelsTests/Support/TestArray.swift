import CApusKernels

/// A strided array of any dtype for tests: owns its memory, reads and writes elements as `Double` (the real part of complex numbers).
final class TestArray {
    let dtype: apus_dtype
    let shape: [Int]
    let strides: [Int]
    let storage: UnsafeMutableRawPointer
    let start: Int
    private let sizeStorage: UnsafeMutablePointer<Int64>
    private let strideStorage: UnsafeMutablePointer<Int64>

    /// `elements` is how many elements the storage holds, `start` where element (0, 0, ...) lies among them.
    init(_ dtype: apus_dtype, _ shape: [Int], strides: [Int], elements: Int, start: Int = 0) {
        self.dtype = dtype
        self.shape = shape
        self.strides = strides
        self.start = start
        let bytes: Int = max(elements, 1) * Int(apus_dtype_size(Int32(dtype.rawValue)))
        storage = .allocate(byteCount: bytes, alignment: 64)
        storage.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        sizeStorage = .allocate(capacity: max(shape.count, 1))
        strideStorage = .allocate(capacity: max(shape.count, 1))
        for d in shape.indices {
            sizeStorage[d] = Int64(shape[d])
            strideStorage[d] = Int64(strides[d])
        }
    }

    deinit {
        storage.deallocate()
        sizeStorage.deallocate()
        strideStorage.deallocate()
    }

    convenience init(_ dtype: apus_dtype, _ shape: [Int]) {
        var strides: [Int] = []
        var step = 1
        for size in shape.reversed() {
            strides.insert(step, at: 0)
            step *= size
        }
        self.init(dtype, shape, strides: strides, elements: step)
    }

    convenience init(_ dtype: apus_dtype, _ shape: [Int], _ values: [Double]) {
        self.init(dtype, shape)
        for i in 0..<count { self[i] = values[i] }
    }

    var count: Int { shape.reduce(1, *) }
    var dtypeCode: Int32 { Int32(dtype.rawValue) }
    var pointer: UnsafeMutableRawPointer { storage + start * Int(apus_dtype_size(dtypeCode)) }

    var view: apus_view {
        apus_view(
            data: pointer, sizes: UnsafePointer(sizeStorage), strides: UnsafePointer(strideStorage), rank: Int32(shape.count),
            dtype: dtypeCode)
    }

    /// Where the element at a row-major position lies in the storage.
    func place(_ position: Int) -> Int {
        var rest: Int = position
        var place: Int = start
        for d in shape.indices.reversed() {
            place += rest % shape[d] * strides[d]
            rest /= shape[d]
        }
        return place
    }

    /// The element at a row-major position.
    subscript(position: Int) -> Double {
        get {
            let p: Int = place(position)
            switch dtype {
            case APUS_BOOL, APUS_UINT8: return Double(storage.assumingMemoryBound(to: UInt8.self)[p])
            case APUS_INT8: return Double(storage.assumingMemoryBound(to: Int8.self)[p])
            case APUS_INT16: return Double(storage.assumingMemoryBound(to: Int16.self)[p])
            case APUS_INT32: return Double(storage.assumingMemoryBound(to: Int32.self)[p])
            case APUS_INT64: return Double(storage.assumingMemoryBound(to: Int64.self)[p])
            case APUS_FLOAT16: return Double(Self.half(storage.assumingMemoryBound(to: UInt16.self)[p]))
            case APUS_BFLOAT16: return Double(Float(bitPattern: UInt32(storage.assumingMemoryBound(to: UInt16.self)[p]) << 16))
            case APUS_FLOAT32: return Double(storage.assumingMemoryBound(to: Float.self)[p])
            case APUS_FLOAT64: return storage.assumingMemoryBound(to: Double.self)[p]
            case APUS_COMPLEX64: return Double(storage.assumingMemoryBound(to: Float.self)[2 * p])
            default: return storage.assumingMemoryBound(to: Double.self)[2 * p]
            }
        }
        set {
            let p: Int = place(position)
            switch dtype {
            case APUS_BOOL: storage.assumingMemoryBound(to: UInt8.self)[p] = newValue != 0 ? 1 : 0
            case APUS_UINT8: storage.assumingMemoryBound(to: UInt8.self)[p] = UInt8(newValue)
            case APUS_INT8: storage.assumingMemoryBound(to: Int8.self)[p] = Int8(newValue)
            case APUS_INT16: storage.assumingMemoryBound(to: Int16.self)[p] = Int16(newValue)
            case APUS_INT32: storage.assumingMemoryBound(to: Int32.self)[p] = Int32(newValue)
            case APUS_INT64: storage.assumingMemoryBound(to: Int64.self)[p] = Int64(newValue)
            case APUS_FLOAT16: storage.assumingMemoryBound(to: UInt16.self)[p] = Self.halfBits(Float(newValue))
            case APUS_BFLOAT16: storage.assumingMemoryBound(to: UInt16.self)[p] = Self.brainBits(Float(newValue))
            case APUS_FLOAT32: storage.assumingMemoryBound(to: Float.self)[p] = Float(newValue)
            case APUS_FLOAT64: storage.assumingMemoryBound(to: Double.self)[p] = newValue
            case APUS_COMPLEX64: storage.assumingMemoryBound(to: Float.self)[2 * p] = Float(newValue)
            default: storage.assumingMemoryBound(to: Double.self)[2 * p] = newValue
            }
        }
    }

    var values: [Double] { (0..<count).map { self[$0] } }

    func fill(_ next: () -> Double) -> TestArray {
        for i in 0..<count { self[i] = next() }
        return self
    }

    /// binary16 by hand: exponent and fraction, with denormals, infinities and NaN.
    static func half(_ bits: UInt16) -> Float {
        let sign: Float = bits >> 15 == 1 ? -1 : 1
        let exponent = Int(bits >> 10 & 31)
        let fraction = Float(bits & 1023) / 1024
        if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
        let magnitude: Float = exponent == 0 ? fraction : 1 + fraction
        return sign * magnitude * Float(sign: .plus, exponent: max(exponent, 1) - 15, significand: 1)
    }

    /// Rounds to the nearest binary16, ties to even.
    static func halfBits(_ x: Float) -> UInt16 {
        let sign: UInt16 = x.sign == .minus ? 0x8000 : 0
        if x.isNaN { return 0x7E00 }
        let magnitude: Double = Double(x).magnitude
        if magnitude >= 65520 { return sign | 0x7C00 }
        let exponent: Int = max(magnitude == 0 ? -14 : Int(magnitude.exponent), -14)
        let units: Double = (magnitude * Double(sign: .plus, exponent: 10 - exponent, significand: 1)).rounded(.toNearestOrEven)
        return sign | (UInt16(exponent + 14) << 10) &+ UInt16(units)
    }

    static func brainBits(_ x: Float) -> UInt16 {
        if x.isNaN { return 0x7FC0 }
        let bits: UInt32 = x.bitPattern
        return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
    }
}
