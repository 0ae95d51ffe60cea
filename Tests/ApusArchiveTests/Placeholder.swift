import Testing
@testable import ApusArchive
