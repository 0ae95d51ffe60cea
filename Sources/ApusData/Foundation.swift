import Foundation

extension DataError: LocalizedError { public var errorDescription: String? { description } }
