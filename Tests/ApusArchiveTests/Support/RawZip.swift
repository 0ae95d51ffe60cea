/// Builds zip files byte by byte, including wrong ones.
struct RawZip {
    struct Member {
        var name: [UInt8]
        var data: [UInt8]
        var method: UInt16 = 0
        var flags: UInt16 = 0
        var crc: UInt32 = 0
        /// What the directory says, when it lies.
        var claimedSize: UInt32?
        var claimedCompressedSize: UInt32?
        var claimedOffset: UInt32?
        var localName: [UInt8]?
        var localExtra: [UInt8] = []
        var centralExtra: [UInt8] = []

        init(_ name: String, _ data: [UInt8] = []) {
            self.name = Array(name.utf8)
            self.data = data
        }

        init(name: [UInt8], data: [UInt8] = []) {
            self.name = name
            self.data = data
        }
    }

    var members: [Member]
    var comment: [UInt8] = []
    var claimedCount: UInt16?
    var claimedDirectorySize: UInt32?
    var claimedDirectoryOffset: UInt32?
    var prefix: [UInt8] = []

    init(_ members: [Member]) { self.members = members }

    static func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    var bytes: [UInt8] {
        func u16(_ value: UInt16) -> [UInt8] { Self.little(value) }
        func u32(_ value: UInt32) -> [UInt8] { Self.little(value) }
        var body: [UInt8] = []
        var directory: [UInt8] = []
        for member in members {
            let offset = UInt32(body.count)
            let localName = member.localName ?? member.name
            let size = UInt32(member.data.count)
            let statedSize = member.claimedSize ?? size
            let statedCompressed = member.claimedCompressedSize ?? size
            body += u32(0x0403_4b50) + u16(20) + u16(member.flags) + u16(member.method) + u16(0) + u16(0x21) + u32(member.crc)
            body += u32(statedCompressed) + u32(statedSize) + u16(UInt16(localName.count)) + u16(UInt16(member.localExtra.count))
            body += localName + member.localExtra + member.data
            directory += u32(0x0201_4b50) + u16(20) + u16(20) + u16(member.flags) + u16(member.method) + u16(0) + u16(0x21)
            directory += u32(member.crc) + u32(statedCompressed) + u32(statedSize) + u16(UInt16(member.name.count))
            directory += u16(UInt16(member.centralExtra.count)) + u16(0) + u16(0) + u16(0) + u32(0)
            directory += u32(member.claimedOffset ?? offset) + member.name + member.centralExtra
        }
        let count = claimedCount ?? UInt16(members.count)
        var end: [UInt8] = u32(0x0605_4b50) + u16(0) + u16(0) + u16(count) + u16(count)
        end += u32(claimedDirectorySize ?? UInt32(directory.count)) + u32(claimedDirectoryOffset ?? UInt32(body.count))
        end += u16(UInt16(comment.count)) + comment
        return prefix + body + directory + end
    }
}
