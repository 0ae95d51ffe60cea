import Foundation

extension ImageError: LocalizedError { public var errorDescription: String? { description } }
