public struct SymbolicError: Error, Sendable { public enum Code: Sendable { case overflow, symbolic, invalid, scopeEnded }; public let code: Code; public let message: String; public init(_ c: Code, _ m: String) { code = c; message = m } }
public struct CallSite: Sendable, Hashable { public static func capture(skip: Int = 0) -> CallSite { CallSite() } }
public final class SymbolScope: @unchecked Sendable { public init() {} }
public struct SymInt: Sendable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    @usableFromInline let v: Int?
    @inlinable public init(_ v: Int) { self.v = v }
    init(bad: Bool) { v = nil }
    public init(integerLiteral value: Int) { v = value }
    public static func invalid(_ e: SymbolicError) -> SymInt { SymInt(bad: true) }
    @inlinable public var constant: Int? { v }
    public var isSymbolic: Bool { false }
    public var description: String { v.map { "\($0)" } ?? "?" }
    public func isIdentical(to o: SymInt) -> Bool { v == o.v }
    public static func + (a: SymInt, b: SymInt) -> SymInt { SymInt((a.v ?? 0) + (b.v ?? 0)) }
    public static func - (a: SymInt, b: SymInt) -> SymInt { SymInt((a.v ?? 0) - (b.v ?? 0)) }
    public static func * (a: SymInt, b: SymInt) -> SymInt { SymInt((a.v ?? 0) * (b.v ?? 0)) }
    public static func / (a: SymInt, b: SymInt) -> SymInt { SymInt((a.v ?? 0) / (b.v ?? 1)) }
    public static func % (a: SymInt, b: SymInt) -> SymInt { SymInt((a.v ?? 0) % (b.v ?? 1)) }
    public static func == (a: SymInt, b: SymInt) -> Bool { a.v == b.v }
    @_disfavoredOverload public static func == (a: SymInt, b: SymInt) -> SymBool { SymBool(a.v == b.v) }
    public static func == (a: SymInt, b: Int) -> Bool { a.v == b }
    @_disfavoredOverload public static func == (a: SymInt, b: Int) -> SymBool { SymBool(a.v == b) }
    public static func != (a: SymInt, b: Int) -> Bool { a.v != b }
    @_disfavoredOverload public static func != (a: SymInt, b: Int) -> SymBool { SymBool(a.v != b) }
}
public struct SymBool: Sendable, CustomStringConvertible { public let constant: Bool?; public init(_ b: Bool) { constant = b }; public var description: String { "\(constant ?? false)" } }
public struct SymFloat: Sendable, CustomStringConvertible { public let constant: Double?; public init(_ b: Double) { constant = b }; public var description: String { "\(constant ?? 0)" } }
