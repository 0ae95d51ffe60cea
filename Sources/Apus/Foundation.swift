import ApusExport
import ApusNN
import Foundation

extension ModuleError: LocalizedError { public var errorDescription: String? { description } }
extension ConstraintViolationError: LocalizedError { public var errorDescription: String? { "\(self)" } }
