import Foundation
import Glibc

extension FileHandle {
    /// What is written until the other side closes. Foundation's own way ends the process where a signal comes in between.
    public func everything() throws -> Data {
        var data = Data()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count: Int = Glibc.read(fileDescriptor, &buffer, buffer.count)
            if count > 0 {
                data.append(contentsOf: buffer[..<count])
            } else if count == 0 {
                return data
            } else if errno != EINTR {
                throw Python.Failure(description: "a pipe can't be read: \(String(cString: strerror(errno)))")
            }
        }
    }
}
