import ApusArchive
import ApusProgram
import ApusSymbolic
import ApusTensor
import CApus
import Foundation

// What goes wrong, as C sees it.

/// An error behind a handle.
final class Failure {
    let status: apus_result
    let message: UnsafeMutablePointer<CChar>

    init(_ status: apus_result, _ text: String) {
        self.status = status
        message = strdup(text)
    }

    convenience init(_ error: any Error) { self.init(Failure.status(of: error), "\(error)") }

    deinit { free(message) }

    private static func status(of error: any Error) -> apus_result {
        switch error {
        case let error as Mistake: error.status
        case let error as ProgramError:
            [.inputMismatch, .structureMismatch, .constraintViolated].contains(error.code) ? APUS_RESULT_INPUT_MISMATCH : APUS_RESULT_FAILED
        case let error as TensorError:
            switch error.code {
            case .outOfMemory: APUS_RESULT_OUT_OF_MEMORY
            case .unsupported: APUS_RESULT_UNSUPPORTED
            case .invalidArgument where ["", "Tensor"].contains(error.operatorName): APUS_RESULT_INVALID_ARGUMENT
            default: APUS_RESULT_FAILED
            }
        case let error as ArchiveError:
            [.unsupported, .unsupportedVersion, .unsupportedDType, .unknownOperators].contains(error.code)
                ? APUS_RESULT_UNSUPPORTED : APUS_RESULT_FILE
        case is SymbolicError: APUS_RESULT_INPUT_MISMATCH
        default: APUS_RESULT_FAILED
        }
    }
}

/// A mistake in how a function was called.
struct Mistake: Error, CustomStringConvertible {
    let status: apus_result
    let description: String

    init(_ description: String, _ status: apus_result = APUS_RESULT_INVALID_ARGUMENT) {
        (self.description, self.status) = (description, status)
    }
}

/// Where a function puts its error; null where the caller wants none.
typealias ErrorPlace = UnsafeMutablePointer<OpaquePointer?>?

/// Carries out what a function does, and turns what it throws into a status.
func reporting(_ place: ErrorPlace, _ body: () throws -> Void) -> apus_result {
    place?.pointee = nil
    do {
        try body()
        return APUS_RESULT_OK
    } catch {
        let failure = Failure(error)
        place?.pointee = handle(failure)
        return failure.status
    }
}

// MARK: Handles

func handle(_ object: AnyObject) -> OpaquePointer { OpaquePointer(Unmanaged.passRetained(object).toOpaque()) }

func release<Object: AnyObject>(_ handle: OpaquePointer?, _: Object.Type) {
    if let handle { Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).release() }
}

/// What is behind a handle. Throws for null.
func object<Object: AnyObject>(_ handle: OpaquePointer?, _ name: String, as _: Object.Type = Object.self) throws -> Object {
    guard let handle else { throw Mistake("\(name) is null") }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// The same where nothing can be thrown.
func known<Object: AnyObject>(_ handle: OpaquePointer?, _: Object.Type = Object.self) -> Object? {
    handle.map { Unmanaged<Object>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
}

@_cdecl("apus_error_message") public func errorMessage(_ error: OpaquePointer?) -> UnsafePointer<CChar>? {
    known(error, Failure.self).map { UnsafePointer($0.message) }
}

@_cdecl("apus_error_result") public func errorStatus(_ error: OpaquePointer?) -> apus_result {
    known(error, Failure.self)?.status ?? APUS_RESULT_OK
}

@_cdecl("apus_error_free") public func errorFree(_ error: OpaquePointer?) { release(error, Failure.self) }

@_cdecl("apus_abi_version") public func abiVersion() -> UInt32 { UInt32(APUS_ABI_MAJOR) << 16 | UInt32(APUS_ABI_MINOR) }
